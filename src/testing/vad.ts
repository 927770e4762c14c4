/** A detector that is told where the voice is. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Audio from "../Audio.ts"
import { close, type Decision, quiet, type State, type Step, step } from "../internal/vad/boundaries.ts"
import { invalidOptions } from "../internal/vad/errors.ts"
import { type Settings, settings } from "../internal/vad/settings.ts"
import * as Vad from "../Vad.ts"
import { checkVad } from "./checks.ts"
import { type MarkedFrame, markedFrom } from "./marks.ts"
import { isLoud } from "./speech.ts"

/**
 * Options of the scripted detector: what `Vad.Options` leaves open when a
 * detector is made, and faults.
 *
 * @category options
 * @since 0.1.0
 */
export interface VadOptions extends Vad.Options {
  /** @default "scripted-vad" */
  readonly name?: string | undefined
  /** Fails when a detector is made, or, with `after`, at the push after so many speeches. */
  readonly fail?: Vad.VadError["reason"] | undefined
  /** @default 0 */
  readonly after?: number | undefined
}

const silence: Audio.Frame & { readonly at: number } = { samples: new Int16Array(0), ...Audio.speech, at: 0 }

/** Stream time runs from mark to mark; between two of them the voice is as the first one says. */
class Boundaries {
  readonly #settings: Settings
  #state = quiet as State
  #time = 0
  #voiced = false

  constructor(settings: Settings) {
    this.#settings = settings
  }

  push({ at, mark }: MarkedFrame, events: Array<Vad.Event>): void {
    if (at > this.#time) {
      const from = this.#time
      this.#time = at
      this.#take(step(this.#settings, this.#state, from, at, this.#voiced ? 1 : 0), events)
    }
    if (mark._tag === "Moment" || mark._tag === "Muted") return
    this.#voiced = mark._tag === "VoiceStarted"
    this.#take(step(this.#settings, this.#state, this.#time, this.#time, this.#voiced ? 1 : 0), events)
    const { minSilence, minSpeech } = this.#settings
    if (this.#state._tag === "Rising") mark.remind?.(this.#state.startedAt + minSpeech)
    if (this.#state._tag === "Paused") mark.remind?.(this.#state.pausedAt + minSilence)
  }

  end(events: Array<Vad.Event>): void {
    this.#voiced = false
    this.#take(close(this.#state), events)
  }

  #take([state, decisions]: Step, events: Array<Vad.Event>): void {
    this.#state = state
    for (const decision of decisions) events.push(event(decision))
  }
}

const event = (decision: Decision): Vad.Event => {
  const { at } = decision
  switch (decision._tag) {
    case "Started":
      return { _tag: "SpeechStarted", at, padding: { ...silence, at } }
    case "Paused":
      return { _tag: "VoicePaused", at }
    case "Resumed":
      return { _tag: "VoiceResumed", at }
    case "Ended": {
      const { startedAt } = decision
      const speech = { frame: { ...silence, at: startedAt }, at: startedAt, truncated: false }
      return { _tag: "SpeechEnded", at, startedAt, speech }
    }
  }
}

const windowSize = 320

/** The detector of real audio: whatever is loud is a voice. */
const byLoudness = (name: string, defaults: Vad.Options): Vad.Vad["Service"] =>
  Vad.make({
    name,
    sampleRate: Audio.speech.sampleRate,
    windowSize,
    scorer: Effect.succeed((window) => isLoud(window, 0, window.length) ? 1 : 0),
    defaults
  })

/**
 * Makes a detector that takes the voice from the marks in the audio, to the
 * millisecond.
 *
 * **Details**
 *
 * An event comes with the frame that reaches its time. In audio with samples it
 * takes whatever is louder than -48 dBFS for a voice, in windows of 20 ms; a
 * stream has either marks or samples.
 *
 * @category vad
 * @since 0.1.0
 */
export const vad = (options: VadOptions = {}): Vad.Vad["Service"] => {
  checkVad(options)
  const { after = 0, fail, name = "scripted-vad", ...defaults } = options
  const failure = fail === undefined ? undefined : new Vad.VadError({ reason: fail })
  const loudness = byLoudness(name, defaults)
  const detector: Vad.Vad["Service"]["detector"] = (asked) =>
    Effect.gen(function*() {
      const found = yield* Effect.fromResult(Result.mapError(settings(1000, [asked, defaults]), invalidOptions))
      if (failure !== undefined && after === 0) return yield* failure
      const boundaries = new Boundaries(found)
      const real = yield* loudness.detector(asked)
      let speeches = 0
      let sounded = false
      const count = (events: ReadonlyArray<Vad.Event>) => {
        speeches += events.filter((event) => event._tag === "SpeechEnded").length
        return events
      }
      return {
        push: (frames) =>
          Effect.suspend((): Effect.Effect<ReadonlyArray<Vad.Event>, Vad.VadError> => {
            if (failure !== undefined && speeches >= after) return Effect.fail(failure)
            const events: Array<Vad.Event> = []
            const sounds: Array<Audio.Frame> = []
            for (const frame of frames) {
              const marked = markedFrom(frame)
              if (marked !== undefined) boundaries.push(marked, events)
              else if (frame.samples.length > 0) sounds.push(frame)
            }
            if (sounds.length === 0) return Effect.succeed(count(events))
            sounded = true
            return Effect.map(real.push(sounds), (heard) => count([...events, ...heard]))
          }),
        end: Effect.suspend(() => {
          const events: Array<Vad.Event> = []
          boundaries.end(events)
          if (!sounded) return Effect.succeed(count(events))
          return Effect.map(real.end, (heard) => count([...events, ...heard]))
        })
      } satisfies Vad.Detector
    })
  return Vad.Vad.of({
    name,
    detector,
    detect: (audio, asked) =>
      Stream.unwrap(Effect.map(detector(asked), ({ end, push }) =>
        audio.pipe(
          Stream.mapArrayEffect((frames) => Effect.map(push(frames), (events) => [events] as const)),
          Stream.concat(Stream.fromEffect(end)),
          Stream.flattenIterable
        )))
  })
}

/**
 * Layer of a detector that takes the voice from the marks in the audio.
 *
 * @category vad
 * @since 0.1.0
 */
export const layerVad = (options?: VadOptions): Layer.Layer<Vad.Vad> => Layer.sync(Vad.Vad, () => vad(options))
