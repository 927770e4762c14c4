/**
 * The person on the telephone: lines of a script, recorded with a voice of
 * flite, and said at the right moments of a conversation whose course is not
 * known beforehand: a slow agent is waited for.
 */
import { Clock, Context, Duration, Effect, Layer, Stream } from "effect"
import { Audio, type Event, Tts } from "effect-voice"
import * as FliteTts from "effect-voice/Layers/FliteTts"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"

export interface Line {
  readonly says: string
  /** How it is spelled for the voice. @default as it is written */
  readonly sounds?: string
  /** Not before this time of the conversation, so that runs of different speed are the same. */
  readonly at: Duration.Input
  /** Says it over the agent, so long after the agent has begun; else when the agent has finished. */
  readonly over?: Duration.Input
  /** Whether an answer is expected, before the next line. @default true */
  readonly answered?: boolean
}

/** A line as it was recorded: the voice lies between `from` and `to` (ms of the recording). */
export interface Recorded extends Line {
  readonly audio: Audio.Frame
  readonly from: number
  readonly to: number
}

export class Caller extends Context.Service<Caller, {
  readonly lines: ReadonlyArray<Recorded>
  /** The caller's ears: give them every event. */
  readonly hears: (event: Event.Event) => void
  /** Says the lines, one after the other. */
  readonly talk: Effect.Effect<void, unknown, LocalRoom.Control>
}>()("effect-voice/examples/support/caller") {}

/** Whether a sample is voice: recordings of flite have no noise. */
export const isVoice = (sample: number): boolean => Math.abs(sample) > 500

const record = (line: Line) =>
  Tts.speak(Stream.make(line.sounds ?? line.says)).pipe(
    Stream.runCollect,
    Effect.map((chunks): Recorded => {
      const audio = Audio.concat(chunks.map((chunk) => chunk.frame))
      const ms = (index: number) => index / audio.sampleRate * 1000
      return {
        ...line,
        audio,
        from: ms(audio.samples.findIndex(isVoice)),
        to: ms(audio.samples.findLastIndex(isVoice))
      }
    })
  )

// How often the caller looks whether it is time to speak (ms).
const lookEvery = 50

// Between what the agent said and what the caller says (ms).
const breath = 500

// After the last line, the caller hangs up when the agent does not.
const patience = "20 seconds"

const make = Effect.fnUntraced(function*(script: ReadonlyArray<Line>, voice: FliteTts.Voice) {
  const lines = yield* Effect.forEach(script, record).pipe(Effect.provide(FliteTts.layer({ voice })))
  let joinedAt = 0
  let answered = 0
  let openSpeeches = 0
  let finishedAt = Number.POSITIVE_INFINITY
  let begunAt = Number.POSITIVE_INFINITY

  const hears = (event: Event.Event): void => {
    switch (event._tag) {
      case "SessionStarted":
        joinedAt = event.at
        return
      case "UserSpeechCommitted":
        answered++
        return
      case "SpeechCreated":
        openSpeeches++
        return
      case "AgentStartedSpeaking":
        begunAt = event.at
        return
      case "SpeechFinished":
        openSpeeches--
        finishedAt = event.at
        begunAt = Number.POSITIVE_INFINITY
        return
    }
  }

  const talk = Effect.gen(function*() {
    const room = yield* LocalRoom.Control
    let expected = 0
    for (const line of lines) {
      const isTime = (now: number): boolean => {
        if (answered < expected || now < joinedAt + Duration.toMillis(line.at)) return false
        return line.over === undefined
          ? openSpeeches === 0 && now >= finishedAt + breath
          : now >= begunAt + Duration.toMillis(line.over)
      }
      while (true) {
        const now = yield* Clock.currentTimeMillis
        if (isTime(now)) break
        yield* Effect.sleep(lookEvery - (now - joinedAt) % lookEvery)
      }
      yield* room.speak("caller", line.audio)
      if (line.answered !== false) expected++
    }
    yield* Effect.sleep(patience)
    yield* room.leave("caller")
  })

  return Caller.of({ lines, hears, talk })
})

export const layer = (script: ReadonlyArray<Line>, voice: FliteTts.Voice): Layer.Layer<Caller, Tts.TtsError> =>
  Layer.effect(Caller, make(script, voice))
