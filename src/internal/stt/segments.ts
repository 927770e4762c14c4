/** Cuts a stream of audio into what is recognised in one go: by a detector, or by the marks of whoever feeds it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import type * as Vad from "../../Vad.ts"
import { AudioBuffer } from "./audioBuffer.ts"
import type * as Stt from "./model.ts"
import { StreamTime } from "./streamTime.ts"

/** Audio to recognise; `start` and `end` are those of the speech in it (ms). */
export interface Segment {
  readonly final: boolean
  readonly speech: Audio.Frame
  /** Time of the first sample. */
  readonly from: number
  readonly start: number
  readonly end: number
}

/** A mark at which there was nothing to recognise: it is answered all the same. */
export interface Nothing {
  readonly final: true
  readonly speech: undefined
}

/** Cuts audio into what is recognised in one go. */
export interface Segmenter<E> {
  readonly push: (inputs: ReadonlyArray<Stt.Input>) => Effect.Effect<ReadonlyArray<Segment | Nothing>, E>
  readonly end: Effect.Effect<ReadonlyArray<Segment>, E>
}

const answered = (segments: ReadonlyArray<Segment>): ReadonlyArray<Segment | Nothing> =>
  segments.some(({ final }) => final) ? segments : [...segments, { final: true, speech: undefined }]

export interface Cutting {
  readonly format: Audio.Format | undefined
  /** Longest audio that is recognised in one go (ms). */
  readonly maxMs: number
  /** Audio between two looks at speech that still grows (ms); absent: none. */
  readonly interimMs: number | undefined
}

/** Consecutive frames become one batch, each mark stands alone. */
const batches = (
  inputs: ReadonlyArray<Stt.Input>,
  streamTime: StreamTime
): ReadonlyArray<ReadonlyArray<Audio.Frame> | "finalize"> => {
  const out: Array<Array<Audio.Frame> | "finalize"> = []
  for (const input of inputs) {
    if ("_tag" in input) {
      out.push("finalize")
      continue
    }
    const frame = { ...input, at: streamTime.push(input) }
    const last = out.at(-1)
    if (last === undefined || last === "finalize") out.push([frame])
    else last.push(frame)
  }
  return out
}

/** How far before the limit a place to cut is looked for (ms), and as a part of the limit. */
const lookForPauseMs = 10_000
const lookForPausePart = 1 / 3

/** Where speech that began at a time and is too long is cut: in a pause, if there is one. */
const cutAt = (audio: AudioBuffer, from: number, { maxMs }: Cutting): number =>
  audio.quietest(from + maxMs - Math.min(lookForPauseMs, maxMs * lookForPausePart), from + maxMs)

/** Cuts at the marks and at the end. */
export const byMarks = (cutting: Cutting): Segmenter<never> => {
  const streamTime = new StreamTime()
  const audio = new AudioBuffer(cutting.format)
  let looked = 0

  const take = (to: number, final: boolean): ReadonlyArray<Segment> => {
    const from = audio.start
    const speech = audio.slice(from, to)
    if (final) {
      audio.dropBefore(to)
      looked = 0
    }
    return speech === undefined ? [] : [{ final, speech, from, start: from, end: to }]
  }

  const finish = (): ReadonlyArray<Segment> => {
    audio.flush()
    return take(audio.end, true)
  }

  const add = (frames: ReadonlyArray<Audio.Frame>): ReadonlyArray<Segment> => {
    const out: Array<Segment> = []
    for (const frame of frames) {
      audio.push([frame])
      while (audio.length > cutting.maxMs) out.push(...take(cutAt(audio, audio.start, cutting), true))
    }
    if (cutting.interimMs !== undefined && audio.length - looked >= cutting.interimMs) {
      looked = audio.length
      out.push(...take(audio.end, false))
    }
    return out
  }

  return {
    push: (inputs) =>
      Effect.sync(() =>
        batches(inputs, streamTime).flatMap((batch) => batch === "finalize" ? answered(finish()) : add(batch))
      ),
    end: Effect.sync(finish)
  }
}

/** The speech in progress. */
interface Speaking {
  /** Where the audio begins that was not recognised yet. */
  from: number
  start: number
  /** Where the last interim look at it ended. */
  looked: number
}

/** Beyond the padding, what a detector may look back when it reports a start. */
const lookBackMs = 1000

/** Cuts where a detector hears speech begin and end, and at the marks. */
export const byVoice = (
  cutting: Cutting & { readonly paddingMs: number },
  detector: Effect.Effect<Vad.Detector, Vad.VadError, Scope.Scope>
): Effect.Effect<Segmenter<Vad.VadError>, Vad.VadError, Scope.Scope> =>
  Effect.map(detector, (detector) => {
    const streamTime = new StreamTime()
    const audio = new AudioBuffer(cutting.format)
    /** Audio before this time was recognised. */
    let taken = 0
    let speaking: Speaking | undefined

    const take = (from: number, to: number, start: number, end: number, final: boolean): ReadonlyArray<Segment> => {
      const speech = audio.slice(from, to)
      if (final) {
        taken = Math.max(taken, Math.min(to, audio.end))
        audio.dropBefore(taken)
      }
      return speech === undefined ? [] : [{ final, speech, from, start: Math.max(from, start), end: Math.min(end, to) }]
    }

    /** Takes what is longer than may be recognised in one go. */
    const tooLong = (speech: Speaking, to: number): ReadonlyArray<Segment> => {
      const out: Array<Segment> = []
      while (to - speech.from > cutting.maxMs) {
        const next = cutAt(audio, speech.from, cutting)
        out.push(...take(speech.from, next, speech.start, next, true))
        speech.from = speech.start = speech.looked = next
      }
      return out
    }

    const onEvent = (event: Vad.Event): ReadonlyArray<Segment> => {
      switch (event._tag) {
        case "SpeechStarted": {
          const from = Math.max(taken, audio.start, event.at - cutting.paddingMs)
          speaking = { from, start: event.at, looked: from }
          return []
        }
        case "VoicePaused":
        case "VoiceResumed":
          return []
        case "SpeechEnded": {
          const { speech } = event
          const to = speech.truncated
            ? event.at
            : speech.at + speech.frame.samples.length / speech.frame.channels / speech.frame.sampleRate * 1000
          speaking = {
            from: Math.max(taken, audio.start, speech.at),
            start: event.startedAt,
            looked: 0
          }
          const cut = tooLong(speaking, to)
          const { from, start } = speaking
          speaking = undefined
          return [...cut, ...take(from, to, start, event.at, true)]
        }
      }
    }

    /** What speech that still goes on asks for. */
    const grown = (): ReadonlyArray<Segment> => {
      if (speaking === undefined) {
        audio.dropBefore(audio.end - cutting.paddingMs - lookBackMs)
        return []
      }
      const out = [...tooLong(speaking, audio.end)]
      if (cutting.interimMs !== undefined && audio.end - speaking.looked >= cutting.interimMs) {
        speaking.looked = audio.end
        out.push(...take(speaking.from, audio.end, speaking.start, audio.end, false))
      }
      return out
    }

    const finish = Effect.suspend(() => {
      audio.flush()
      return Effect.map(detector.end, (events) => events.flatMap(onEvent))
    })

    const add = (frames: ReadonlyArray<Audio.Frame>) =>
      Effect.map(detector.push(frames), (events) => {
        audio.push(frames)
        return [...events.flatMap(onEvent), ...grown()]
      })

    return {
      push: (inputs) =>
        Effect.map(
          Effect.forEach(
            batches(inputs, streamTime),
            (batch) => batch === "finalize" ? Effect.map(finish, answered) : add(batch)
          ),
          (segments) => segments.flat()
        ),
      end: finish
    }
  })
