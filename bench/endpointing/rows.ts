/**
 * Turns of people with their pauses, in the public format of eot-bench, as JSON
 * Lines: one row a turn, with `id`, `language`, `audio` (WAV: `bytes` in base64, or a
 * `path` beside the file; or `array` with `sampling_rate`), `silence_spans` (`start` and
 * `end` in seconds; the last one is the end of the turn, whatever stands before it a
 * pause), and where there are any `words` (`word` or `text`, `start`, `end`).
 *
 * Of a published set in Parquet the lines are made with its own tools, such as
 * `datasets.load_dataset(…).cast_column("audio", Audio(decode=False)).to_json(…)` with
 * the bytes in base64.
 */
import { Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Audio } from "../../src/index.ts"

const Span = Schema.Struct({ start: Schema.Finite, end: Schema.Finite })

const Row = Schema.Struct({
  id: Schema.String,
  language: Schema.String,
  audio: Schema.Struct({
    bytes: Schema.optional(Schema.NullOr(Schema.Uint8ArrayFromBase64)),
    path: Schema.optional(Schema.NullOr(Schema.String)),
    array: Schema.optional(Schema.NullOr(Schema.Array(Schema.Finite))),
    sampling_rate: Schema.optional(Schema.NullOr(Schema.Finite))
  }),
  silence_spans: Schema.NonEmptyArray(Span),
  words: Schema.optional(Schema.NullOr(Schema.Array(Schema.Struct({
    word: Schema.optional(Schema.String),
    text: Schema.optional(Schema.String),
    start: Schema.Finite,
    end: Schema.Finite
  }))))
})

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Row))

/** A stretch of time (ms). */
export interface Stretch {
  readonly from: number
  readonly to: number
}

export interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface Turn {
  readonly id: string
  readonly language: string
  /** Mono, 16 kHz, with all the silence after it that anybody could wait for. */
  readonly audio: Audio.Frame
  /** Silences in mid-turn. */
  readonly pauses: ReadonlyArray<Stretch>
  /** Where the last sound ends (ms). */
  readonly end: number
  readonly words: ReadonlyArray<Word>
}

/** Silence after each turn (ms): longer than the longest wait. */
const tail = 4500

/** Shorter silences (s) are no pauses, as in eot-bench. */
const shortest = 0.1

const audioOf = (row: typeof Row.Type, folder: string): Audio.Frame => {
  const { array, bytes, path, sampling_rate } = row.audio
  if (array !== undefined && array !== null) {
    return Audio.fromFloat32(Float32Array.from(array), { sampleRate: sampling_rate ?? 16_000, channels: 1 })
  }
  const wav = bytes ?? (path === undefined || path === null ? undefined : readFileSync(join(folder, path)))
  if (wav === undefined) throw new Error(`${row.id} has no audio`)
  return Result.getOrThrow(Audio.decodeWav(wav))
}

export const speech = (audio: Audio.Frame): Audio.Frame => {
  const converter = Audio.converter({ to: Audio.speech })
  return Audio.concat([...converter.push([audio]), ...converter.flush()])
}

const turnOf = (row: typeof Row.Type, folder: string): Turn => {
  const spans = row.silence_spans
  const { start } = spans.at(-1)!
  const end = start * 1000
  const spoken = Audio.slice(speech(audioOf(row, folder)), 0, end + 200)
  return {
    id: row.id,
    language: row.language,
    audio: Audio.concat([spoken, Audio.silence(end + tail - Audio.durationMs(spoken), Audio.speech)]),
    pauses: spans.slice(0, -1).filter((span) => span.end - span.start >= shortest)
      .map((span) => ({ from: span.start * 1000, to: span.end * 1000 })),
    end,
    words: (row.words ?? []).map(({ end, start, text, word }) => ({
      text: (word ?? text ?? "").trim(),
      start: start * 1000,
      end: end * 1000
    })).filter(({ text }) => text !== "")
  }
}

/** All turns of a file of such lines. */
export const read = (file: string): ReadonlyArray<Turn> =>
  readFileSync(file, "utf8").split("\n").filter((line) => line.trim() !== "")
    .map((line) => turnOf(decode(line), dirname(file)))
