/**
 * Who has answered a call: what share of machines' and of people's greetings `session.answeredBy` tells as what they
 * are, and when it is known.
 *
 * Machines are the prompts of Debian's `asterisk-core-sounds-{en,es,fr,it,ru}-wav`, at `ASTERISK_SOUNDS`, a folder with
 * one folder for each language; people are spoken by `espeak-ng`. Silero finds the voice in them; a recogniser that
 * knows the words gives those of each stretch of voice 200 ms after it. `PAUSE` and `PERSON` try other times (ms).
 */
import { Effect, Result, Stream } from "effect"
import { Agent, Audio, Session, Vad } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import * as Testing from "effect-voice/testing"
import { execFileSync } from "node:child_process"
import { existsSync, globSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { env, stdout } from "node:process"
import { type Greeting, greetings, people } from "./answering/greetings.ts"

const folder = env["ASTERISK_SOUNDS"] ?? "/usr/share/asterisk/sounds"
const telephone: Audio.Format = { sampleRate: 8000, channels: 1 }

const wav = (file: string): Audio.Frame => {
  const converter = Audio.converter({ to: telephone })
  const whole = converter.push([Result.getOrThrow(Audio.decodeWav(readFileSync(file)))])
  return Audio.concat([...whole, ...converter.flush()])
}

const fileOf = (language: string, name: string): string | undefined =>
  globSync(join(folder, `${language}*`, `${name}.wav`))[0] ??
    globSync(join(folder, `${language}*`, "**", `${name}.wav`))[0]

/** A part of what is said: its sound, and its words. */
interface Part {
  readonly frame: Audio.Frame
  readonly text: string
}

const partsOf = ({ language, parts }: Greeting): ReadonlyArray<Part> | undefined => {
  const files = parts.map(([name, text]) => ({ file: fileOf(language, name), text }))
  return files.every(({ file }) => file !== undefined)
    ? files.map(({ file, text }) => ({ frame: wav(file!), text }))
    : undefined
}

const scratch = mkdtempSync(join(tmpdir(), "answering-"))

const spoken = (voice: string, text: string): Part => {
  const file = join(scratch, "said.wav")
  execFileSync("espeak-ng", ["-v", voice, "-s", "165", "-w", file, text])
  return { frame: wav(file), text }
}

/** When a voice is heard (ms): as a detector tells. */
const voices = (frame: Audio.Frame) =>
  Effect.gen(function*() {
    const padded = Audio.concat([frame, Audio.silence("1 second", telephone)])
    const pieces = Array.from(
      { length: Math.floor(padded.samples.length / 160) },
      (_, i) => ({ ...telephone, samples: padded.samples.slice(i * 160, (i + 1) * 160), at: i * 20 })
    )
    const events = yield* Stream.runCollect(Vad.detect(Stream.fromIterable(pieces)))
    return events.flatMap((event) =>
      event._tag === "SpeechEnded" ? [{ from: event.startedAt, to: event.silentFrom ?? event.at }] : []
    )
  })

/** The words of each stretch of voice: each part's are spread over it. */
const script = (parts: ReadonlyArray<Part>) =>
  Effect.gen(function*() {
    const whole = Audio.concat(parts.map(({ frame }) => frame))
    const stretches = yield* voices(whole)
    let at = 0
    const words = parts.flatMap(({ frame, text }) => {
      const ms = Audio.durationMs(frame)
      const [own] = [text.split(" ")]
      const placed = own.map((word, i) => ({ word, at: at + ms * (i + 0.5) / own.length }))
      at += ms
      return placed
    })
    return stretches.map(({ from, to }, i) => {
      const until = stretches[i + 1] === undefined ? Infinity : (to + stretches[i + 1]!.from) / 2
      const since = i === 0 ? -Infinity : (stretches[i - 1]!.to + from) / 2
      return { from, to, text: words.filter(({ at }) => at >= since && at < until).map(({ word }) => word).join(" ") }
    })
  })

/** Who has answered, and how long after the last of their greeting that was known (ms). */
const answered = (stretches: ReadonlyArray<{ readonly from: number; readonly to: number; readonly text: string }>) =>
  Effect.gen(function*() {
    let known: { readonly by: string; readonly at: number } | undefined
    const options: Session.AnsweredByOptions = {
      ...(env["PAUSE"] === undefined ? {} : { pause: Number(env["PAUSE"]) }),
      ...(env["PERSON"] === undefined ? {} : { person: Number(env["PERSON"]) })
    }
    yield* Testing.scenario({
      room: { kind: "sip", direction: "outbound" },
      agent: Agent.make({
        instructions: "",
        onEnter: Session.Session.use((session) =>
          Effect.gen(function*() {
            const { by } = yield* session.answeredBy(options)
            known = { by, at: yield* Effect.clockWith((clock) => clock.currentTimeMillis) }
          })
        )
      }),
      user: stretches.map(({ from, text, to }) => Testing.say(500 + from, 500 + to, text))
    })
    return { by: known?.by ?? "not known", after: Math.round((known?.at ?? 0) - 500 - (stretches.at(-1)?.to ?? 0)) }
  })

const median = (values: ReadonlyArray<number>): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const program = Effect.gen(function*() {
  const rows: Array<{
    readonly kind: string
    readonly language: string
    readonly text: string
    readonly ms: number
    readonly by: string
    readonly after: number
  }> = []
  const measure = (kind: string, language: string, parts: ReadonlyArray<Part>) =>
    Effect.gen(function*() {
      const all = yield* script(parts)
      // As of a language that nobody knows here.
      const stretches = env["WORDS"] === "unknown"
        ? all.map((stretch) => ({ ...stretch, text: stretch.text.replaceAll(/[^\s?]+/g, "la") }))
        : all
      const { after, by } = yield* answered(stretches)
      const text = stretches.map(({ text }) => text).join(" | ")
      rows.push({ kind, language, text, ms: Math.round(stretches.at(-1)?.to ?? 0), by, after })
    })
  for (const greeting of greetings) {
    const parts = partsOf(greeting)
    if (parts !== undefined) yield* measure(greeting.kind, greeting.language, parts)
  }
  for (const [voice, sentences] of Object.entries(people)) {
    for (const text of sentences) yield* measure("person", voice, [spoken(voice, text)])
  }
  const table = ["voicemail", "menu", "unreachable", "person"].map((kind) => {
    const all = rows.filter((row) => row.kind === kind)
    const right = all.filter(({ by }) => by === kind)
    const times = right.map(({ after }) => after)
    return {
      kind,
      greetings: all.length,
      right: right.length,
      machines: all.filter(({ by }) => by !== "person" && by !== "nobody").length,
      tooEarly: times.filter((ms) => ms < 0).length,
      medianMs: median(times),
      longestMs: Math.max(...times)
    }
  })
  yield* Effect.sync(() =>
    stdout.write(`${
      JSON.stringify(
        {
          table,
          lengthsMs: Object.fromEntries(["voicemail", "person"].map((kind) => {
            const all = rows.filter((row) => row.kind === kind).map(({ ms }) => ms).toSorted((a, b) => a - b)
            return [kind, { least: all[0], median: median(all), most: all.at(-1) }]
          })),
          wrong: rows.filter(({ by, kind }) => by !== kind)
        },
        undefined,
        2
      )
    }\n`)
  )
})

if (!existsSync(folder)) throw new Error(`ASTERISK_SOUNDS names no folder: ${folder}`)
Effect.runPromise(program.pipe(Effect.provide(SileroVad.layer({ sampleRate: 8000 })), Effect.orDie))
