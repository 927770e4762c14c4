/**
 * The way of one stream of windows: its position, the state of its boundaries, and
 * the audio of its speech. Nothing here waits or fails.
 */
import type * as Audio from "../../Audio.ts"
import type { Event } from "../../Vad.ts"
import { close, type Decision, quiet, type State, step } from "./boundaries.ts"
import { Loudness } from "./loudness.ts"
import type { Settings } from "./settings.ts"
import { type SpeechAudio, SpeechBuffer } from "./speechBuffer.ts"

/** Turns scored windows into events with their times and audio. */
export class Tracker {
  readonly #settings: Settings
  readonly #sampleRate: number
  readonly #windowSize: number
  /** Stream time of position 0 (ms). */
  #origin = 0
  #position = 0
  #state: State = quiet
  #recorder: SpeechBuffer
  #loudness: Loudness
  readonly #soundEnd = (position: number, since: number): number => this.#loudness.soundEnd(position, since)

  constructor(settings: Settings, sampleRate: number, windowSize: number) {
    this.#settings = settings
    this.#sampleRate = sampleRate
    this.#windowSize = windowSize
    this.#recorder = new SpeechBuffer(settings, windowSize)
    this.#loudness = new Loudness(sampleRate)
  }

  /** Stream time of the end of what was taken so far (ms). */
  get now(): number {
    return this.#time(this.#position)
  }

  begin(origin: number): void {
    this.#origin = origin
  }

  window(samples: Int16Array, probability: number, events: Array<Event>): void {
    this.#recorder.append(samples)
    this.#loudness.push(samples)
    this.#step(samples.length, probability, events)
    this.#settings.onScore?.({ at: this.now, probability })
  }

  /** Takes a window that could not be scored: nothing is decided by it. */
  missed(samples: Int16Array): void {
    this.#recorder.append(samples)
    this.#loudness.push(samples)
    this.#position += samples.length
  }

  /** Takes `windows` windows that nobody heard: silence, however many they are. */
  unheard(windows: number, events: Array<Event>): void {
    let left = windows
    for (; left > 0 && this.#state._tag !== "Quiet"; left--) {
      this.#recorder.appendSilence(this.#windowSize)
      this.#step(this.#windowSize, -1, events)
    }
    this.#recorder.appendSilence(left * this.#windowSize)
    this.#position += left * this.#windowSize
    this.#loudness.begin(this.#position)
  }

  /** Closes a speech that is still going and forgets all audio. */
  end(events: Array<Event>): void {
    const [state, decisions] = close(this.#state)
    this.#take(state, decisions, events)
    this.#origin = this.now
    this.#position = 0
    this.#recorder = new SpeechBuffer(this.#settings, this.#windowSize)
    this.#loudness = new Loudness(this.#sampleRate)
  }

  #step(count: number, probability: number, events: Array<Event>): void {
    const from = this.#position
    this.#position = from + count
    const [state, decisions] = step(this.#settings, this.#state, from, this.#position, probability, this.#soundEnd)
    this.#take(state, decisions, events)
  }

  #take(state: State, decisions: ReadonlyArray<Decision>, events: Array<Event>): void {
    this.#state = state
    for (const decision of decisions) {
      events.push(this.#event(decision))
    }
  }

  #event(decision: Decision): Event {
    const at = this.#time(decision.at)
    switch (decision._tag) {
      case "Started": {
        const recording = this.#recorder.start(decision.at, this.#position)
        return { _tag: "SpeechStarted", at, padding: this.#frame(recording) }
      }
      case "Paused":
        return { _tag: "VoicePaused", at, ...this.#silence(decision) }
      case "Resumed":
        return { _tag: "VoiceResumed", at }
      case "Ended": {
        const recording = this.#recorder.finish(decision.at)
        const frame = this.#frame(recording)
        return {
          _tag: "SpeechEnded",
          at,
          ...this.#silence(decision),
          startedAt: this.#time(decision.startedAt),
          speech: { frame, at: frame.at, truncated: recording.truncated }
        }
      }
    }
  }

  /** Told where it is news. */
  #silence({ at, silentFrom }: { readonly at: number; readonly silentFrom: number }) {
    return silentFrom < at ? { silentFrom: this.#time(silentFrom) } : undefined
  }

  #frame({ from, samples }: SpeechAudio): Audio.Frame & { readonly at: number } {
    return { samples, sampleRate: this.#sampleRate, channels: 1, at: this.#time(from) }
  }

  #time(position: number): number {
    return this.#origin + position / this.#sampleRate * 1000
  }
}
