/**
 * Speech over ElevenLabs' WebSocket: text goes out as it comes, audio and the
 * times of its characters come back. One connection for one speech.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import type * as Tts from "../../Tts.ts"
import { decodeAudio } from "../provider/base64.ts"
import { hint, maybe } from "../provider/hints.ts"
import { decodeJson } from "../provider/http.ts"
import { cutter, fileKind, notBare } from "../provider/pcm.ts"
import type { Connection } from "../provider/socket.ts"
import { monotonic } from "../steady.ts"
import { Aligner, type Alignment } from "../tts/aligner.ts"
import { fed } from "../tts/fed.ts"
import { hasWords } from "../tts/pieces.ts"
import { errorFields, errorIn } from "./account.ts"

/** How one speech is asked for. */
export interface Options {
  readonly format: Audio.Format
  readonly open: Effect.Effect<Connection, Failure.Reason, Scope.Scope>
  /** Sent first: the voice's settings. */
  readonly greeting: Readonly<Record<string, unknown>>
  /** Time in ms without text after which a space is sent, so that the provider waits on. */
  readonly keepAliveMs: number
  readonly fail: (reason: Failure.Reason) => Tts.TtsError
}

/** Chunks that wait for the listener before the connection is no longer read. */
const maxUnheard = 64

const Times = Schema.Array(Schema.Finite)

/** Times of characters by each of the names that they have. */
const Told = Schema.Struct({
  chars: hint(Schema.Array(Schema.String)),
  charStartTimesMs: hint(Times),
  charsStartTimesMs: hint(Times),
  char_start_times_ms: hint(Times),
  charDurationsMs: hint(Times),
  charsDurationsMs: hint(Times),
  chars_durations_ms: hint(Times),
  characters: hint(Schema.Array(Schema.String)),
  character_start_times_seconds: hint(Times),
  character_end_times_seconds: hint(Times)
})

/** Times that go back are none. */
const isInOrder = (times: ReadonlyArray<number>): boolean =>
  times.every((time, at) => time >= 0 && (at === 0 || time >= times[at - 1]!))

const toMs = (times: ReadonlyArray<number> | null | undefined) => times?.map((seconds) => seconds * 1000)

const timesOf = (told: typeof Told.Type | null | undefined): Alignment | undefined => {
  const chars = told?.chars ?? told?.characters
  const starts = told?.charStartTimesMs ?? told?.charsStartTimesMs ?? told?.char_start_times_ms ??
    toMs(told?.character_start_times_seconds)
  if (chars == null || starts == null || !isInOrder(starts)) return undefined
  const ends = toMs(told?.character_end_times_seconds)
  const lengths = told?.charDurationsMs ?? told?.charsDurationsMs ?? told?.chars_durations_ms ??
    ends?.map((end, at) => Math.max(0, end - (starts[at] ?? end)))
  return { chars, charStartTimesMs: starts, charDurationsMs: lengths ?? [] }
}

const decode = decodeJson(Schema.Struct({
  audio: maybe(Schema.String),
  isFinal: hint(Schema.Boolean),
  is_final: hint(Schema.Boolean),
  ...errorFields,
  alignment: hint(Told),
  // Of the text as it is spoken; where it is written otherwise, its times are found again.
  normalizedAlignment: hint(Told)
}))

type Answer = Effect.Success<ReturnType<typeof decode>>

/** Makes chunks of what comes. */
const listener = (format: Audio.Format, aligner: Aligner) => {
  const cut = cutter(format)
  let samples = 0
  const now = () => samples / format.channels / format.sampleRate * 1000
  const silent: Audio.Frame = { ...format, samples: new Int16Array(0) }
  return {
    chunk: ({ alignment, audio, normalizedAlignment }: Answer, bytes: Uint8Array): Tts.Chunk => {
      const before = now()
      const frame = audio === "" ? silent : cut(bytes) ?? silent
      samples += frame.samples.length
      const times = timesOf(alignment) ?? timesOf(normalizedAlignment)
      return { frame, alignment: aligner.push(times, before, now()) }
    },
    isSilent: () => samples === 0,
    rest: (): Tts.Chunk => ({ frame: silent, alignment: samples === 0 ? [] : aligner.end(now()) })
  }
}

interface Line {
  readonly say: (text: string) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
}

const dial = Effect.fnUntraced(function*<E>(
  { fail, format, greeting, keepAliveMs, open }: Options,
  out: Queue.Queue<Tts.Chunk, E | Tts.TtsError | Cause.Done>
) {
  const connection = yield* open
  const aligner = new Aligner()
  const { chunk, isSilent, rest } = listener(format, aligner)
  const state = { ended: false, words: false }
  let sentAt = 0

  // A lost connection is told by who reads it: there the reason is known.
  const send = (message: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
    Effect.flatMap(monotonic, (now) => {
      sentAt = now
      return Effect.ignore(connection.send(JSON.stringify(message)))
    })

  const finish = Effect.suspend((): Effect.Effect<unknown, Failure.Reason> =>
    state.words && isSilent()
      ? Effect.fail(new Failure.EndedEarly({}))
      : Effect.andThen(Queue.offer(out, rest()), Queue.end(out))
  )

  const hear = (message: string | Uint8Array): Effect.Effect<void, Failure.Reason> =>
    Effect.gen(function*() {
      if (typeof message !== "string") return
      const answer = yield* decode(message)
      const error = errorIn(answer)
      if (error !== undefined) return yield* error
      const bytes = decodeAudio(answer.audio ?? "")
      if (Result.isFailure(bytes)) return yield* bytes.failure
      const kind = isSilent() ? fileKind(bytes.success) : undefined
      if (kind !== undefined) return yield* notBare(kind)
      yield* Queue.offer(out, chunk(answer, bytes.success))
      if ((answer.isFinal ?? answer.is_final) === true && state.ended) yield* finish
    })

  const read = Stream.runForEach(connection.messages, hear).pipe(
    Effect.andThen(
      Effect.suspend(() => state.ended ? finish : Effect.fail(new Failure.Disconnected({ code: "1000" })))
    ),
    Effect.catchCause((cause) => Queue.failCause(out, Cause.map(cause, fail)))
  )

  const beat = Effect.gen(function*() {
    while (!state.ended && !connection.isClosed()) {
      const wait = sentAt + keepAliveMs - (yield* monotonic)
      yield* wait > 0 ? Effect.sleep(wait) : send({ text: " " })
    }
  })

  yield* send({ text: " ", ...greeting })
  yield* Effect.forkScoped(read)
  yield* Effect.forkScoped(beat)
  const line: Line = {
    say: (piece) => {
      aligner.append(piece)
      state.words ||= hasWords(piece)
      return send({ text: `${piece.trim()} ` })
    },
    end: Effect.suspend(() => {
      state.ended = true
      return send({ text: "" })
    })
  }
  return line
})

/** Speaks over a connection that is opened with the first text. */
export const speak = <E, R>(
  text: Stream.Stream<string, E, R>,
  options: Options
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  fed(text, maxUnheard, (out, scope) => {
    let line: Line | undefined
    return {
      say: (piece) =>
        Effect.gen(function*() {
          line ??= yield* Effect.mapError(Scope.provide(dial(options, out), scope), options.fail)
          yield* line.say(piece)
        }),
      finish: Effect.suspend((): Effect.Effect<unknown, Tts.TtsError> => line === undefined ? Queue.end(out) : line.end)
    }
  })
