/**
 * All that the agent says, on its way to one line: the outputs are mixed into frames of one format
 * and length, given a little ahead of what is heard. Nothing here waits or plays. The feeder of the
 * line asks for the next piece.
 *
 * Positions on the line are samples per channel of all that was ever given; what
 * was taken back keeps its place there, so that no position is used twice. A
 * track's own positions are moved along by heard audio alone.
 */
import * as Audio from "../../Audio.ts"
import { saturate } from "../audio/format.ts"

export type Next =
  | { readonly _tag: "Frame"; readonly frame: Audio.Frame; readonly position: number }
  /** Milliseconds until there is something to do, unless something changes. */
  | { readonly _tag: "Wait"; readonly ms: number }

export interface LineOptions {
  readonly format: Audio.Format
  readonly frameMs: number
  readonly aheadMs: number
  /** What was heard is told by `report`; otherwise it follows from the time. */
  readonly reported: boolean
  /** Monotonic milliseconds. */
  readonly now: () => number
}

interface Given {
  readonly samples: Int16Array
  /** Samples per channel, and where they begin on the track and on the line. */
  readonly length: number
  readonly start: number
  readonly from: number
}

// Between two reports the playhead goes on by itself for so long (ms).
const slack = 300
// Clocks round to nanoseconds, so an end that is this near (in samples) has come.
const tolerance = 0.05

/** One output on the line. */
export class LineTrack {
  paused = false
  /** Level in dB. */
  level = 0
  readonly #to: Audio.Format
  readonly #perMs: number
  readonly #converter: Audio.Converter
  #queue: Array<Int16Array> = []
  #offset = 0
  #queued = 0
  #given: Array<Given> = []
  #heard = 0
  #end = 0
  /** Milliseconds that went into the converter since it was emptied, and what of them came out. */
  #written = 0
  #converted = 0

  constructor(from: Audio.Format, to: Audio.Format) {
    this.#to = to
    this.#perMs = to.sampleRate / 1000
    this.#converter = Audio.converter({ from, to })
  }

  get queued(): number {
    return this.#queued
  }

  /** Samples that the converter holds back. */
  get held(): number {
    const left = this.#written * this.#perMs - this.#converted
    return left < tolerance ? 0 : left
  }

  write(frames: ReadonlyArray<Audio.Frame>): void {
    for (const frame of frames) this.#written += Audio.durationMs(frame)
    this.#enqueue(this.#converter.push(frames))
  }

  /** No more comes for now: the converter gives what it holds back. */
  flush(): void {
    if (this.held === 0) return
    this.#enqueue(this.#converter.flush())
    this.#written = 0
    this.#converted = 0
  }

  /** Gives at most so many samples, that lie on the line from a position on. */
  take(most: number, from: number): Int16Array {
    const length = Math.min(most, this.#queued)
    const { channels } = this.#to
    const samples = new Int16Array(length * channels)
    let at = 0
    while (at < samples.length) {
      const chunk = this.#queue[0]!
      const part = chunk.subarray(this.#offset, this.#offset + samples.length - at)
      samples.set(part, at)
      at += part.length
      this.#offset += part.length
      if (this.#offset === chunk.length) {
        this.#queue.shift()
        this.#offset = 0
      }
    }
    this.#queued -= length
    this.#given.push({ samples, length, start: this.#end, from })
    this.#end += length
    return this.level === 0 ? samples : Audio.gain({ ...this.#to, samples }, this.level).samples
  }

  /** Samples that were heard, when the line has come to a position. */
  position(line: number): number {
    let passed = 0
    for (const { from, length, start } of this.#given) {
      if (line <= from) break
      this.#heard = Math.max(this.#heard, start + Math.min(length, line - from))
      if (line < from + length) break
      passed++
    }
    if (passed > 0) this.#given = this.#given.slice(passed)
    return this.#heard
  }

  /** Takes back what was given and not heard. */
  withhold(line: number): void {
    const at = Math.round(this.position(line))
    const { channels } = this.#to
    const back = this.#given.flatMap(({ length, samples, start }) => {
      const skip = Math.max(0, at - start)
      return skip >= length ? [] : [samples.subarray(skip * channels)]
    })
    const rest = this.#queue.map((chunk, i) => i === 0 ? chunk.subarray(this.#offset) : chunk)
    this.#queue = [...back, ...rest]
    this.#offset = 0
    this.#queued += this.#end - at
    this.#given = []
    this.#heard = at
    this.#end = at
  }

  /** Nothing of what waits will be heard; `withhold` comes first. */
  drop(): void {
    this.#converter.flush()
    this.#written = 0
    this.#converted = 0
    this.#queue = []
    this.#offset = 0
    this.#queued = 0
  }

  /** Samples that wait, here or on the line. */
  waiting(line: number): number {
    const left = this.#queued + this.held + this.#end - this.position(line)
    return left < tolerance ? 0 : left
  }

  #enqueue(frames: ReadonlyArray<Audio.Frame>): void {
    for (const { samples } of frames) {
      if (samples.length === 0) continue
      this.#queue.push(samples)
      const length = samples.length / this.#to.channels
      this.#queued += length
      this.#converted += length
    }
  }
}

export class Line {
  readonly tracks = new Set<LineTrack>()
  readonly #options: LineOptions
  readonly #perMs: number
  /** It has played since `#anchor`, from `#base` on; no anchor, and it has not begun to. */
  #base = 0
  #anchor: number | undefined
  #end = 0
  #furthest = 0

  constructor(options: LineOptions) {
    this.#options = options
    this.#perMs = options.format.sampleRate / 1000
  }

  get position(): number {
    if (this.#anchor !== undefined) {
      const since = this.#options.now() - this.#anchor
      const at = this.#base + (this.#options.reported ? Math.min(since, slack) : since) * this.#perMs
      this.#furthest = Math.max(this.#furthest, at >= this.#end - tolerance ? this.#end : at)
    }
    return this.#furthest
  }

  /** It plays by itself at this moment: what waits gets less as time passes. */
  get isMoving(): boolean {
    return this.#anchor !== undefined &&
      (!this.#options.reported || this.#options.now() - this.#anchor < slack)
  }

  /** Audio of other tracks was given ahead, and nothing of this one. */
  isAheadOf(track: LineTrack): boolean {
    const at = this.position
    return at < this.#end && track.waiting(at) === 0 &&
      [...this.tracks].some((other) => other !== track && other.waiting(at) > 0)
  }

  next(): Next {
    const { aheadMs, frameMs } = this.#options
    const ahead = (this.#end - this.position) / this.#perMs
    if (ahead > aheadMs - frameMs + 1e-6) return this.#wait(ahead - aheadMs + frameMs)
    const count = Math.round(frameMs * this.#perMs)
    const active = [...this.tracks].filter(({ held, paused, queued }) => !paused && queued + held > 0)
    if (active.length === 0) return { _tag: "Wait", ms: Number.POSITIVE_INFINITY }
    if (!active.some(({ queued }) => queued >= count)) {
      // Less than a frame: more of it may come in time.
      if (ahead > frameMs) return this.#wait(ahead - frameMs)
      for (const track of active) track.flush()
      if (!active.some(({ queued }) => queued > 0)) return { _tag: "Wait", ms: Number.POSITIVE_INFINITY }
    }
    return this.#give(active, count)
  }

  /** What was heard, as a position (ms) that came with a frame. */
  report(ms: number): void {
    const at = Math.min(ms * this.#perMs, this.#end)
    // Older than what was taken back, or than what plays now.
    if (!(at > this.#base)) return
    this.#base = at
    this.#anchor = this.#options.now()
    this.#furthest = Math.max(this.#furthest, at)
  }

  /** Takes back all that was not heard; tells whether there is any. */
  withhold(): boolean {
    const at = this.position
    for (const track of this.tracks) track.withhold(at)
    const some = at < this.#end
    this.#base = this.#end
    this.#furthest = this.#end
    this.#anchor = undefined
    return some
  }

  #wait(ms: number): Next {
    return { _tag: "Wait", ms: this.isMoving ? ms : Number.POSITIVE_INFINITY }
  }

  #give(active: ReadonlyArray<LineTrack>, count: number): Next {
    const { format, now, reported } = this.#options
    const from = this.#end
    if (this.position >= from) {
      this.#base = from
      this.#anchor = reported ? undefined : now()
    }
    const samples = new Int16Array(count * format.channels)
    active.forEach((track, i) => {
      const own = track.take(count, from)
      if (i === 0) samples.set(own)
      else for (let k = 0; k < own.length; k++) samples[k] = saturate(samples[k]! + own[k]!)
    })
    this.#end = from + count
    return { _tag: "Frame", frame: { ...format, samples }, position: this.#end / this.#perMs }
  }
}
