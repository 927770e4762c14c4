/**
 * Records each session into an encrypted file, and removes files after a time.
 *
 * It records every session that has the layer among its services: persons, times, tool calls and
 * their results. It records words and audio only if the options say so. A file is written while the
 * conversation goes on, so it can be read up to the point where it breaks off. `read` gives its
 * entries, `list` and `remove` find those of a caller, `writeWav` makes audio of one.
 *
 * **The file.** `<folder>/<day>/<time>-<random>.evrec`, for its owner alone; no
 * name in it. All numbers are big-endian. A header: 8 bytes `EFVOREC1`, 32 random
 * bytes of salt, 16 bytes of check. HKDF-SHA-256 of the key with the salt and the
 * info `effect-voice recording 1` gives 32 bytes, the file's own key, and 16 more
 * that are the check. Then records: 4 bytes of length, 1 of kind, and as many
 * bytes as the length says: AES-256-GCM under the file's key, with a tag of 16
 * bytes at the end. The nonce is the record's number, from 0, in 12 bytes; the 5
 * bytes before are authenticated, too. So nothing can be changed, moved or left
 * out but at the end, and there `Closed` is missing. Kind 1 is an entry as JSON. Kind 2
 * is audio: 8 bytes time (float, ms since 1970), 1 source (0 user, 1 agent), 1
 * channels, 4 sample rate, then interleaved samples of 16 bits, little-endian.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as EffectConfig from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import type * as Audio from "../Audio.ts"
import type { InvalidOptions } from "../Failure.ts"
import { problemOf } from "../internal/audio/format.ts"
import { layerFrom } from "../internal/config/variable.ts"
import { saysYes } from "../internal/given.ts"
import * as Check from "../internal/options.ts"
import {
  headerBytes,
  type Item,
  makeSealer,
  makeUnsealer,
  openHeader,
  type Unsealer
} from "../internal/recorder/format.ts"
import { keyBytes, saltBytes } from "../internal/recorder/seal.ts"
import * as store from "../internal/recorder/store.ts"
import { failures, makeWriter } from "../internal/recorder/writer.ts"
import { makeWavMixer } from "../internal/room/wavMixer.ts"
import { steadyClock } from "../internal/steady.ts"
import {
  type Content,
  Damaged,
  entries,
  type Entry,
  FileFailed,
  Recorder,
  RecorderError,
  type Source,
  WrongKey
} from "../Recorder.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface Options extends Content {
  /** Where the files are; made if it is not there. Several processes may share it. */
  readonly folder: string
  /** 32 random bytes as base64 or hex: `openssl rand -base64 32`. Without it nothing can be read. */
  readonly key: Redacted.Redacted
  /** Age at which a file is removed, counted from its session's beginning. @default "30 days" */
  readonly retention?: Duration.Input | undefined
}

/**
 * How to read what was written.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReadOptions {
  /** The key, or all that were ever in use: each file finds its own. */
  readonly key: Redacted.Redacted | ReadonlyArray<Redacted.Redacted>
}

/**
 * Audio in a recording, from `at` on, in milliseconds since 1970. It stands up to
 * a second later in the file than what happened meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sound {
  readonly _tag: "Audio"
  readonly at: number
  readonly source: Source
  readonly frame: Audio.Frame
}

/**
 * A recording in a folder.
 *
 * **Details**
 *
 * `startedAt` is milliseconds since 1970. `about` and `participant` are there as
 * far as they can be read, and `problem` says why they cannot.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stored {
  readonly file: string
  readonly startedAt: number
  readonly about?: Extract<Entry, { readonly _tag: "Opened" }> | undefined
  readonly participant?: string | undefined
  readonly problem?: RecorderError | undefined
}

type Removal = ReadOptions & { readonly folder: string; readonly where: (recording: Stored) => boolean }

const sweepEvery = "1 hour"

/** What a WAV file can hold of both sides (ms): what seems to come later is of another clock. */
const longestWav = 18 * 3_600_000

/** 32 bytes, as base64 or hex. */
const bytesOf = (key: Redacted.Redacted): Uint8Array | undefined => {
  const text = Redacted.value(key).trim()
  const bytes = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, "hex")
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
    ? Buffer.from(text, "base64")
    : undefined
  return bytes?.length === keyBytes ? bytes : undefined
}

const keyMust = "be 32 random bytes as base64 or hex, such as: openssl rand -base64 32"

const folder = Check.required(Check.text({ must: "name the folder of the recordings" }))

const schema = Check.struct<Options>()({
  folder,
  key: Check.required(Check.made(bytesOf, keyMust)),
  retention: Check.duration({ above: 0, default: "30 days" }),
  transcript: Check.flag({ default: false }),
  tools: Check.flag({ default: false }),
  audio: Check.flag({ default: false })
})

const keys = Check.required(Check.made<ReadonlyArray<Uint8Array>, ReadOptions["key"]>((given) => {
  const keys = (Redacted.isRedacted(given) ? [given] : given).flatMap((key) => bytesOf(key) ?? [])
  return keys.length > 0 && keys.length === (Redacted.isRedacted(given) ? 1 : given.length) ? keys : undefined
}, keyMust))

// What the layer was given, folder and all, may be given to those who read.
const reading = Check.wider(Check.struct<ReadOptions>()({ key: keys }))

const listing = Check.wider(Check.struct<ReadOptions & { readonly folder: string }>()({ folder, key: keys }))

const removing = Check.wider(
  Check.struct<Removal>()({ folder, key: keys, where: Check.required(Check.callback) })
)

const writing = Check.wider(
  Check.struct<ReadOptions & { readonly to: string }>()({
    key: keys,
    to: Check.required(Check.text({ must: "name the WAV file to write" }))
  })
)

const isName = (file: unknown): boolean => typeof file === "string" && file !== "" && !file.includes("\0")

/** What a program without types may give in the place of a name. */
const named = (file: string): Effect.Effect<void, RecorderError> =>
  isName(file) ? Effect.void : refused(Check.problem("file", "must name a recording: FileRecorder.list gives them"))

const refused = (reason: InvalidOptions): RecorderError => new RecorderError({ reason })

/**
 * Records every session that is opened where it is provided.
 *
 * **Details**
 *
 * Fails if the folder cannot be written to, or if an option is wrong. Files that are too old are
 * removed when the layer is built, and then every hour. Other files in the folder stay. Audio takes
 * about 2 × 40 kB a second, the rest a few hundred bytes a turn. While the disk refuses or does not
 * answer, 4096 entries of 16 MiB together wait, and 20 seconds of audio (8 MiB at most). Further
 * ones are lost: the record says how much (`Lost`), the log and `agent_recorder_failures_total`
 * that something is. They also tell of a file that was removed before its session ended. The end
 * of a session waits 5 seconds for the disk at most.
 *
 * **Example** (Record who, when and what was said)
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as FileRecorder from "effect-voice/Layers/FileRecorder"
 *
 * const recorder = FileRecorder.layer({
 *   folder: "/var/lib/desk/recordings",
 *   key: Redacted.make("32 random bytes as base64"),
 *   transcript: true,
 *   retention: "14 days"
 * })
 * ```
 *
 * @see `read` for the entries of a recording
 * @see `Recorder` to write a recorder of your own
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Recorder, RecorderError> =>
  Layer.effect(
    Recorder,
    Effect.gen(function*() {
      const settings = yield* Check.readOrFail(schema, options, refused)
      const { folder, key, retention } = settings
      failures.valueUnsafe(yield* Effect.context<never>())
      yield* store.prepare(folder)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(sweeping(folder, retention), Effect.sleep(sweepEvery))))
      return Recorder.of({
        open: (about) =>
          Effect.gen(function*() {
            const now = yield* steadyClock
            const sink = yield* Effect.tapError(store.create(folder), () => Metric.update(failures, 1))
            const writer = yield* makeWriter(sink, makeSealer(key, randomBytes(saltBytes)), now)
            writer.put({ _tag: "Opened", at: now(), ...about })
            return {
              event: (event) => {
                for (const entry of entries(event, settings)) writer.put(entry)
              },
              ...(settings.audio ? { audio: writer.hear } : undefined)
            }
          })
      })
    })
  )

const sweeping = (folder: string, retention: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { problem, removed } = yield* store.sweep(folder, (yield* Clock.currentTimeMillis) - retention)
    if (removed > 0) yield* Effect.annotateLogs(Effect.logInfo("old recordings are removed"), { removed })
    if (problem !== undefined) return yield* problem
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.logError("old recordings cannot be removed").pipe(
        Effect.annotateLogs({ code: reason._tag === "FileFailed" ? reason.code : reason._tag })
      )
    )
  )

const standard: EffectConfig.Config<Options> = EffectConfig.all({
  folder: EffectConfig.String("RECORDER_FOLDER"),
  key: EffectConfig.Redacted("RECORDER_KEY")
})

/**
 * Records as `RECORDER_FOLDER` and `RECORDER_KEY` say, or as the given config.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: EffectConfig.Wrap<Options> = standard
): Layer.Layer<Recorder, RecorderError | EffectConfig.ConfigError> => layerFrom(EffectConfig.unwrap(options), layer)

/**
 * Everything in a recording, as it was written.
 *
 * **Details**
 *
 * One that was cut off ends with its last whole record, without `Closed`; one
 * that was changed fails with `Damaged` there. Fails with `WrongKey` before the
 * first entry.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (file: string, options: ReadOptions): Stream.Stream<Entry | Sound, RecorderError> =>
  Stream.unwrap(
    Effect.map(Effect.andThen(named(file), Check.readOrFail(reading, options, refused)), ({ key }) => items(file, key))
  )

const items = (file: string, keys: ReadonlyArray<Uint8Array>): Stream.Stream<Item, RecorderError> => {
  let head: Uint8Array = new Uint8Array(0)
  let unsealer: Unsealer | undefined
  const fail = (reason: RecorderError["reason"]) => Stream.fail(new RecorderError({ reason }))
  const take = (bytes: Uint8Array): Stream.Stream<Item, RecorderError> => {
    let rest = bytes
    if (unsealer === undefined) {
      head = Buffer.concat([head, bytes])
      if (head.length < headerBytes) return Stream.empty
      const opened = openHeader(head.subarray(0, headerBytes), keys)
      if (opened === "unknown") return fail(new Damaged({ file, at: 0 }))
      if (opened === "wrong key") return fail(new WrongKey({ file }))
      unsealer = makeUnsealer(opened.key)
      rest = head.subarray(headerBytes)
    }
    const { damagedAt, items } = unsealer.push(rest)
    const good = Stream.fromIterable(items)
    return damagedAt === undefined ? good : Stream.concat(good, fail(new Damaged({ file, at: damagedAt })))
  }
  return Stream.concat(
    Stream.flatMap(store.bytesOf(file), take),
    // The process ended before it had written the header, unless this never was one of ours.
    Stream.suspend(() => unsealer === undefined && head.length > 0 ? fail(new Damaged({ file, at: 0 })) : Stream.empty)
  )
}

/**
 * The recordings of a folder, the oldest first, each with what it is about.
 *
 * @category reading
 * @since 0.1.0
 */
export const list = (
  options: ReadOptions & { readonly folder: string }
): Stream.Stream<Stored, RecorderError> =>
  Stream.unwrap(
    Effect.map(Check.readOrFail(listing, options, refused), ({ folder, key: keys }) =>
      Stream.mapEffect(store.list(folder), ({ at, file }) => {
        let stored: Stored = { file, startedAt: at }
        return items(file, keys).pipe(
          Stream.takeUntil((item) =>
            item._tag === "Joined"
          ),
          Stream.runForEach((item) =>
            Effect.sync(() => {
              if (item._tag === "Opened") stored = { ...stored, about: item }
              if (item._tag === "Joined") stored = { ...stored, participant: item.participant }
            })
          ),
          Effect.catch((problem) => Effect.sync(() => void (stored = { ...stored, problem }))),
          Effect.map(() => stored)
        )
      }))
  )

/**
 * Removes the recordings that `where` selects, such as all of one caller, and gives their number.
 * `unreadable` counts the recordings whose caller could not be read.
 *
 * **Details**
 *
 * A file is unlinked, not overwritten. Backups and snapshots are yours to remove;
 * to make them unreadable, too, change the key with each span of time and destroy
 * the old ones.
 *
 * @category running
 * @since 0.1.0
 */
export const remove = (
  options: ReadOptions & { readonly folder: string; readonly where: (recording: Stored) => boolean }
): Effect.Effect<{ readonly removed: number; readonly unreadable: number }, RecorderError> =>
  Effect.gen(function*() {
    yield* Check.readOrFail(removing, options, refused)
    const count = { removed: 0, unreadable: 0 }
    yield* Stream.runForEach(list(options), (recording) =>
      Effect.gen(function*() {
        if (saysYes("where", options.where(recording))) {
          if (yield* store.remove(recording.file)) count.removed++
        } else if (recording.problem !== undefined) count.unreadable++
      }))
    return count
  })

/**
 * Writes the audio of a recording as WAV: the user on the left, the agent on the right, at 16 kHz,
 * in the time in which it was heard. Gives its length in milliseconds, 0 if no audio was recorded.
 *
 * @category reading
 * @since 0.1.0
 */
export const writeWav = (
  file: string,
  options: ReadOptions & { readonly to: string }
): Effect.Effect<number, RecorderError> =>
  Effect.scoped(Effect.gen(function*() {
    yield* named(file)
    yield* Check.readOrFail(writing, options, refused)
    if (yield* store.isSameFile(file, options.to)) {
      return yield* refused(Check.problem("to", "must name another file than the recording, which would be lost"))
    }
    const failed = new RecorderError({
      reason: new FileFailed({ file: options.to, doing: "write", code: "unknown" })
    })
    const wav = yield* Effect.mapError(
      makeWavMixer({ path: options.to, format: { sampleRate: 16_000, channels: 2 } }),
      () => failed
    )
    let first: number | undefined
    let last = 0
    yield* Stream.runForEach(read(file, options), (item) =>
      Effect.sync(() => {
        if (item._tag !== "Audio" || !Number.isFinite(item.at) || problemOf(item.frame) !== undefined) return
        first ??= item.at
        const at = Math.max(0, item.at - first)
        if (at > longestWav) return
        // Step by step: a long silence is written, not held.
        for (let reached = last; reached < at; reached += 5000) wav.advance(reached, () => undefined)
        wav.add(item.source === "user" ? 0 : 1, item.source, at, item.frame)
        last = Math.max(last, at + item.frame.samples.length / item.frame.channels / item.frame.sampleRate * 1000)
      }))
    wav.finish(last)
    return wav.error() === undefined ? last : yield* failed
  }))
