/**
 * The voice of a speech: text becomes audio, as fast as it comes, and no more
 * than can be heard in five minutes: then the voice waits for the listener.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import * as Tts from "../../Tts.ts"
import { noAudio } from "../audio/usable.ts"
import { atOnce, makeFitting, pushInParts } from "../fitted.ts"
import { beside } from "../streams.ts"
import { type Core, spanned } from "./core.ts"
import { failed, worked } from "./failures.ts"
import type { Speech } from "./speech.ts"
import { addAudio, addSpoken, type Utterance } from "./utterance.ts"

/** Text to say, piece by piece, and the utterance that it belongs to. */
export interface Line {
  readonly utterance: Utterance
  readonly texts: Queue.Queue<string, Cause.Done>
  readonly audio: Queue.Queue<Tts.Chunk, Cause.Done>
  readonly backlog: Backlog
}

/** Audio that waits to be heard. */
export interface Backlog {
  readonly add: (ms: number) => void
  readonly take: (ms: number) => void
  /** Waits while there is too much of it. */
  readonly room: Effect.Effect<void>
}

// A voice that never ends would fill the process with what is heard by nobody (ms).
const mostAheadMs = 300_000

const makeBacklog = (): Backlog => {
  const open = Latch.makeUnsafe(true)
  let waiting = 0
  return {
    add: (ms) => {
      waiting += ms
      if (waiting >= mostAheadMs) open.closeUnsafe()
    },
    take: (ms) => {
      waiting -= ms
      if (waiting < mostAheadMs) open.openUnsafe()
    },
    room: open.await
  }
}

export const makeLine = (utterance: Utterance): Effect.Effect<Line> =>
  Effect.gen(function*() {
    const texts = yield* Queue.unbounded<string, Cause.Done>()
    const audio = yield* Queue.unbounded<Tts.Chunk, Cause.Done>()
    return { utterance, texts, audio, backlog: makeBacklog() }
  })

const unheard = (provider: string, why: string) =>
  new Tts.TtsError({ provider, reason: new Failure.InvalidResponse({ detail: `gave ${why} as audio` }) })

/** Audio that is at hand is given when its text is written. */
const clip = (frames: ReadonlyArray<Audio.Frame>) => (texts: Stream.Stream<string>): Stream.Stream<Tts.Chunk> =>
  Stream.concat(Stream.drain(texts), Stream.map(Stream.fromIterable(frames), (frame) => ({ frame })))

/** Puts audio into a line. */
const hand = ({ milestones }: Speech, { audio, backlog, utterance }: Line, chunk: Tts.Chunk, now: number): void => {
  milestones.firstByte ??= now
  const ms = Audio.durationMs(chunk.frame)
  addAudio(utterance, ms)
  backlog.add(ms)
  Queue.offerUnsafe(audio, chunk)
}

/** What the model speaks itself. */
export type Spoken = Extract<Llm.Delta, { readonly _tag: "Speech" }>

/** Puts what the model speaks itself into a line; waits while there is too much of it. */
export const speakItself = (
  core: Core,
  speech: Speech,
  line: Line,
  { frame, text = "" }: Spoken
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const now = core.conductor.now()
    speech.milestones.firstText ??= now
    addSpoken(line.utterance, text)
    if (frame !== undefined && frame.samples.length > 0) hand(speech, line, { frame }, now)
    return line.backlog.room
  })

/** Synthesises a line as its text comes; the audio waits in the line's queue. */
export const synthesize = (core: Core, speech: Speech, line: Line): Effect.Effect<void> => {
  const { conductor } = core
  const { tts } = core.agent.bound()
  const { utterance } = line
  const voice = speech.options.voice ?? core.agent.bound().voice
  let firstText: number | undefined
  let firstByte: number | undefined
  const options = voice === undefined ? {} : { voice }
  const fitting = makeFitting(() => utterance.spoken)
  const place = (fitted: ReadonlyArray<Tts.TimedText>): void => void utterance.alignment.push(...fitted)
  const isLong = ({ alignment = [] }: Tts.Chunk): boolean => alignment.length > atOnce
  /** Takes chunks in, whose times have been placed already or are few. */
  const take = (chunks: ReadonlyArray<Tts.Chunk>): Effect.Effect<void, Tts.TtsError> => {
    for (const chunk of chunks) {
      const { alignment, frame } = chunk
      const wrong = noAudio(frame)
      if (wrong !== undefined) return Effect.fail(unheard(speech.clip === undefined ? tts.name : "clip", wrong))
      if (frame.samples.length === 0 && alignment === undefined) continue
      const now = conductor.now()
      firstByte ??= now
      if (alignment !== undefined && !isLong(chunk)) place(fitting.push(alignment))
      hand(speech, line, chunk, now)
    }
    return line.backlog.room
  }
  return Stream.fromQueue(line.texts).pipe(
    beside(() => {
      firstText ??= conductor.now()
      speech.milestones.firstText ??= firstText
    }),
    speech.clip === undefined ? (texts) => tts.speak(texts, options) : clip(speech.clip),
    Stream.runForEachArray((chunks) =>
      chunks.some(isLong)
        ? Effect.forEach(chunks, (chunk) =>
          Effect.andThen(
            isLong(chunk) ? pushInParts(fitting, chunk.alignment ?? [], place) : Effect.void,
            Effect.suspend(() => take([chunk]))
          ), { discard: true })
        : take(chunks)
    ),
    Effect.tap(() =>
      Effect.sync(() => {
        utterance.complete = true
        if (utterance.alignment.length > 0) utterance.alignment.push(...fitting.end(utterance.audioMs))
        if (firstByte !== undefined && speech.clip === undefined) worked(core, "tts")
        if (firstByte === undefined || firstText === undefined || speech.clip !== undefined) return
        core.publish({
          _tag: "TtsMeasured",
          speech: speech.id,
          provider: tts.name,
          firstByteMs: firstByte - firstText,
          audioMs: utterance.audioMs,
          characters: utterance.spoken.length
        })
      })
    ),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.sync(() => {
          speech.outcome = "failed"
          speech.reason ??= "tts"
          failed(core, "tts", tts.name, cause)
        })
    ),
    spanned("tts", { speech: speech.id, provider: tts.name }),
    Effect.ensuring(Queue.end(line.audio))
  )
}
