/**
 * Where an output that plays by the Clock stands. The audio that was heard follows from the time
 * that has passed, so nothing ticks while audio plays; nothing here waits, and every time is given
 * (monotonic, ms).
 *
 * All positions are samples per channel on one axis that only heard audio moves
 * along.
 */
import * as Audio from "../../Audio.ts"

/** A piece of audio that was heard, and the monotonic Clock time (ms) at which it began. */
export interface Heard {
  readonly at: number
  readonly frame: Audio.Frame
}

// Clocks round to nanoseconds, so an end that is this near (in samples) has come.
const tolerance = 0.05

export class Playhead {
  readonly #format: Audio.Format
  readonly #perMs: number
  readonly #keepHeard: boolean
  /** The current run has played since `#anchor`, beginning at `#base`. */
  #base = 0
  #anchor = 0
  #end = 0
  #paused = false
  /** Level of what is heard (dB). */
  #gain = 0
  #queue: Array<{ readonly start: number; readonly samples: Int16Array }> = []
  #taken = 0
  #heard: Array<Heard> = []

  /** `keepHeard`: what was heard is kept until it is fetched. */
  constructor({ channels, sampleRate }: Audio.Format, keepHeard: boolean) {
    this.#format = { sampleRate, channels }
    this.#perMs = sampleRate / 1000
    this.#keepHeard = keepHeard
  }

  get isPaused(): boolean {
    return this.#paused
  }

  isPlaying(now: number): boolean {
    return !this.#paused && this.#position(now) < this.#end
  }

  /** Milliseconds that were heard. */
  played(now: number): number {
    return this.#position(now) / this.#perMs
  }

  /** Milliseconds that wait to be heard beyond the `left` that may. */
  excess(left: number, now: number): number {
    return (this.#end - this.#position(now) - left * this.#perMs) / this.#perMs
  }

  append(frames: ReadonlyArray<Audio.Frame>, now: number): void {
    if (!this.#paused && this.#position(now) === this.#end) this.#settle(now)
    for (const { samples } of frames) {
      if (samples.length === 0) continue
      if (this.#keepHeard) this.#queue.push({ start: this.#end, samples })
      this.#end += samples.length / this.#format.channels
    }
  }

  pause(now: number): void {
    this.#settle(now)
    this.#paused = true
  }

  resume(now: number): void {
    this.#paused = false
    this.#anchor = now
  }

  /** What is heard from now on has another level. */
  setGain(dB: number, now: number): void {
    this.#settle(now)
    this.#gain = dB
  }

  /** What waits will not be heard. */
  drop(now: number): void {
    this.#settle(now)
    this.#end = this.#base
    this.#queue = []
  }

  /** Drops, and plays what comes next. */
  clear(now: number): void {
    this.drop(now)
    this.#paused = false
  }

  /** Fetches what was heard since the last call, oldest first. */
  takeHeard(now: number): ReadonlyArray<Heard> {
    this.#collect(this.#position(now))
    const heard = this.#heard
    this.#heard = []
    return heard
  }

  #position(now: number): number {
    if (this.#paused) return this.#base
    const at = this.#base + (now - this.#anchor) * this.#perMs
    return at >= this.#end - tolerance ? this.#end : at
  }

  /** Everything up to now is settled: the next run begins here. */
  #settle(now: number): void {
    const to = this.#position(now)
    this.#collect(to)
    this.#base = to
    this.#anchor = now
  }

  #collect(to: number): void {
    if (!this.#keepHeard || to <= this.#taken) return
    const { channels } = this.#format
    let done = 0
    for (const { samples, start } of this.#queue) {
      if (start >= to) break
      const length = samples.length / channels
      const from = Math.max(0, Math.round(this.#taken - start))
      const until = Math.min(length, Math.round(to - start))
      if (until > from) {
        this.#heard.push({
          at: this.#anchor + (start + from - this.#base) / this.#perMs,
          frame: Audio.gain({
            ...this.#format,
            samples: from === 0 && until === length ? samples : samples.slice(from * channels, until * channels)
          }, this.#gain)
        })
      }
      if (start + length > to) break
      done++
    }
    if (done > 0) this.#queue = this.#queue.slice(done)
    this.#taken = to
  }
}
