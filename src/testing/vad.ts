/** A detector that is told where the voice is. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Audio from "../Audio.ts"
import { close, type Decision, quiet, step } from "../internal/vad/boundaries.ts"
import { invalidOption } from "../internal/vad/errors.ts"
import { isProblem, type Settings, settings } from "../internal/vad/settings.ts"
import * as Vad from "../Vad.ts"
import { type Mark, markedFrom } from "./marks.ts"
import { isVoiced } from "./speech.ts"

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

const empty: Audio.Frame = { samples: new Int16Array(0), ...Audio.speech }

/** Audio of real frames, kept as long as a boundary may ask for it. */
class Keeper {
  #frames: Array<Audio.Frame & { readonly at: number }> = []

  add(frame: Audio.Frame, at: number): void {
    if (frame.samples.length > 0) this.#frames.push({ ...frame, at })
  }

  forget(before: number): void {
    const kept = this.#frames.findIndex((frame) => frame.at + Audio.durationMs(frame) > before)
    if (kept !== 0) this.#frames = kept < 0 ? [] : this.#frames.slice(kept)
  }

  take(from: number, to: number): Audio.Frame & { readonly at: number } {
    const frames = this.#frames.filter((frame) => frame.at < to && frame.at + Audio.durationMs(frame) > from)
    const first = frames[0]
    if (first === undefined) return { ...empty, at: from }
    const same = frames.filter((frame) => frame.sampleRate === first.sampleRate && frame.channels === first.channels)
    return { ...Audio.concat(same), at: first.at }
  }
}

/** Stream time runs from frame to frame; between two marks the voice is as the first one says. */
class Boundaries {
  readonly #settings: Settings
  readonly #keeper = new Keeper()
  #state = quiet as Parameters<typeof step>[1]
  #time = 0
  #voiced = false
  #startedAt = 0

  constructor(settings: Settings) {
    this.#settings = settings
  }

  push(frame: Audio.Frame, events: Array<Vad.Event>): void {
    const marked = markedFrom(frame)
    if (marked !== undefined) {
      this.#advance(marked.at, this.#voiced, events)
      this.#hear(marked.mark, events)
      return
    }
    const at = frame.at ?? this.#time
    const end = at + Audio.durationMs(frame)
    this.#keeper.add(frame, at)
    this.#advance(at, false, events)
    if (frame.samples.length > 0) this.#voiced = isVoiced(frame)
    this.#take(step(this.#settings, this.#state, this.#time, this.#time, this.#voiced ? 1 : 0), events)
    this.#advance(end, this.#voiced, events)
    if (this.#state._tag === "Quiet") this.#keeper.forget(end - this.#settings.prefixPadding)
  }

  end(events: Array<Vad.Event>): void {
    this.#voiced = false
    this.#take(close(this.#state), events)
    this.#keeper.forget(Number.POSITIVE_INFINITY)
  }

  #advance(to: number, voiced: boolean, events: Array<Vad.Event>): void {
    if (to <= this.#time) return
    const from = this.#time
    this.#time = to
    this.#take(step(this.#settings, this.#state, from, to, voiced ? 1 : 0), events)
  }

  #hear(mark: Mark, events: Array<Vad.Event>): void {
    if (mark._tag === "Moment" || mark._tag === "Muted") return
    this.#voiced = mark._tag === "VoiceStarted"
    this.#take(step(this.#settings, this.#state, this.#time, this.#time, this.#voiced ? 1 : 0), events)
    const { minSilence, minSpeech } = this.#settings
    if (this.#state._tag === "Rising") mark.remind?.(this.#state.startedAt + minSpeech)
    if (this.#state._tag === "Paused") mark.remind?.(this.#state.pausedAt + minSilence)
  }

  #take([state, decisions]: ReturnType<typeof step>, events: Array<Vad.Event>): void {
    this.#state = state
    for (const decision of decisions) events.push(this.#event(decision))
  }

  #event(decision: Decision): Vad.Event {
    const { at } = decision
    switch (decision._tag) {
      case "Started":
        this.#startedAt = at
        return { _tag: "SpeechStarted", at, padding: this.#keeper.take(at - this.#settings.prefixPadding, this.#time) }
      case "Paused":
        return { _tag: "VoicePaused", at }
      case "Resumed":
        return { _tag: "VoiceResumed", at }
      case "Ended": {
        const from = this.#startedAt - this.#settings.prefixPadding
        const limit = from + this.#settings.maxBufferedSpeech
        const frame = this.#keeper.take(from, Math.min(this.#time, limit))
        return {
          _tag: "SpeechEnded",
          at,
          startedAt: decision.startedAt,
          speech: { frame, at: frame.at, truncated: at > limit }
        }
      }
    }
  }
}

/**
 * Makes a detector that takes the voice from the marks in the audio, to the
 * millisecond.
 *
 * **Details**
 *
 * In frames with samples it takes whatever is louder than -48 dBFS for a voice;
 * there a boundary falls on the edge of a frame. Every event comes with the
 * frame that reaches its time.
 *
 * @category vad
 * @since 0.1.0
 */
export const vad = (options: VadOptions = {}): Vad.Vad["Service"] => {
  const name = options.name ?? "scripted-vad"
  const detector: Vad.Vad["Service"]["detector"] = (asked) =>
    Effect.suspend((): Effect.Effect<Vad.Detector, Vad.VadError> => {
      const found = settings(1000, [asked, options])
      if (isProblem(found)) return Effect.fail(invalidOption(found.option, found.detail))
      const failure = options.fail === undefined ? undefined : new Vad.VadError({ reason: options.fail })
      if (failure !== undefined && (options.after ?? 0) === 0) return Effect.fail(failure)
      const boundaries = new Boundaries(found)
      let speeches = 0
      const count = (events: ReadonlyArray<Vad.Event>) => {
        speeches += events.filter((event) => event._tag === "SpeechEnded").length
        return events
      }
      return Effect.succeed({
        push: (frames) =>
          Effect.suspend((): Effect.Effect<ReadonlyArray<Vad.Event>, Vad.VadError> => {
            if (failure !== undefined && speeches >= options.after!) return Effect.fail(failure)
            const events: Array<Vad.Event> = []
            for (const frame of frames) boundaries.push(frame, events)
            return Effect.succeed(count(events))
          }),
        end: Effect.sync(() => {
          const events: Array<Vad.Event> = []
          boundaries.end(events)
          return count(events)
        })
      })
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
