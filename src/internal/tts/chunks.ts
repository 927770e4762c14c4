/** What of a provider's audio is passed on: in one format, at times that are numbers. */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import * as Tts from "./model.ts"

/** Chunks in another format than the declared one are a failure. */
export const inFormat = (declared: Audio.Format & { readonly name: string }) =>
(
  chunks: Arr.NonEmptyReadonlyArray<Tts.Chunk>
): Effect.Effect<Arr.NonEmptyReadonlyArray<Tts.Chunk>, Tts.TtsError> => {
  const wrong = chunks.find(({ frame }) =>
    frame.sampleRate !== declared.sampleRate || frame.channels !== declared.channels
  )
  if (wrong === undefined) return Effect.succeed(chunks)
  const detail = `audio at ${wrong.frame.sampleRate} Hz with ${wrong.frame.channels} channels, ` +
    `declared were ${declared.sampleRate} Hz and ${declared.channels}`
  return Effect.fail(new Tts.TtsError({ provider: declared.name, reason: new Failure.InvalidResponse({ detail }) }))
}

/** Text must not be lost with its time: without one it counts as heard from the beginning. */
export const finite = (spoken: Tts.Chunk): Tts.Chunk => {
  if (spoken.alignment?.every(({ end, start }) => Number.isFinite(start) && Number.isFinite(end)) !== false) {
    return spoken
  }
  const alignment = spoken.alignment.map(({ end, start, text }) => {
    const from = Number.isFinite(start) ? start : 0
    return { text, start: from, end: Number.isFinite(end) ? end : from }
  })
  return { frame: spoken.frame, alignment }
}

/** Brings the chunks of a speech to one format; the alignment stays with the audio that it came with. */
export const convert =
  (to: Audio.Format) => <E, R>(self: Stream.Stream<Tts.Chunk, E, R>): Stream.Stream<Tts.Chunk, E, R> =>
    Stream.suspend(() => {
      const converter = Audio.converter({ to })
      let waiting: ReadonlyArray<Tts.TimedText> = []
      const emit = (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Tts.Chunk> =>
        frames.map((frame) => {
          if (waiting.length === 0) return { frame }
          const alignment = waiting
          waiting = []
          return { frame, alignment }
        })
      const flush = (): ReadonlyArray<Tts.Chunk> => {
        const chunks = emit(converter.flush())
        return waiting.length === 0
          ? chunks
          : [...chunks, ...emit([{ ...to, samples: new Int16Array(0) }])]
      }
      return self.pipe(
        Stream.mapAccum(() => undefined, (_, chunk): readonly [undefined, ReadonlyArray<Tts.Chunk>] => {
          if (chunk.alignment !== undefined) waiting = [...waiting, ...chunk.alignment]
          return [undefined, emit(converter.push([chunk.frame]))]
        }, { onHalt: flush })
      )
    })

/** Puts the alignment of a speech behind audio that was heard before it. */
export const shift = (chunk: Tts.Chunk, ms: number): Tts.Chunk =>
  ms === 0 || chunk.alignment === undefined ? chunk : {
    ...chunk,
    alignment: chunk.alignment.map(({ end, start, text }) => ({ text, start: start + ms, end: end + ms }))
  }
