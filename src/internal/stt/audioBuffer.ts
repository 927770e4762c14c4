/**
 * Audio that waits to be recognised, in one format, on the time line of its stream. The part that
 * cuts it says what is dropped.
 */
import * as Audio from "../../Audio.ts"

interface Piece {
  readonly frame: Audio.Frame
  readonly start: number
  readonly end: number
}

/** Where to cut is looked for in steps of this length (ms). */
const stepMs = 10

/** Steps of a pause between words. */
const pauseSteps = 20

/** Audio in one format with the time of every sample, to be cut by time (ms). */
export class AudioBuffer {
  readonly #format: Audio.Format | undefined
  #converter: Audio.Converter | undefined = undefined
  #pieces: Array<Piece> = []
  #end = 0
  #length = 0

  /** Without a format, that of the first frame. */
  constructor(format: Audio.Format | undefined) {
    this.#format = format
  }

  get end(): number {
    return this.#end
  }

  /** Milliseconds of audio that are kept. */
  get length(): number {
    return this.#length
  }

  /** Takes frames that have their time. */
  push(frames: ReadonlyArray<Audio.Frame>): void {
    const [first] = frames
    if (first === undefined) return
    this.#converter ??= Audio.converter({
      to: this.#format ?? { sampleRate: first.sampleRate, channels: first.channels }
    })
    this.#keep(this.#converter.push(frames))
  }

  /** Lets out what the conversion holds back: the audio pauses here. */
  flush(): void {
    if (this.#converter !== undefined) this.#keep(this.#converter.flush())
  }

  /** The audio between two times, or nothing where there is none. */
  slice(from: number, to: number): Audio.Frame | undefined {
    const parts: Array<Int16Array> = []
    let total = 0
    let format: Audio.Format | undefined
    for (const { end, frame, start } of this.#pieces) {
      if (end <= from || start >= to) continue
      const sampleAt = (ms: number) => Math.round((ms - start) * frame.sampleRate / 1000) * frame.channels
      const part = frame.samples.subarray(
        start < from ? sampleAt(from) : 0,
        end > to ? sampleAt(to) : frame.samples.length
      )
      parts.push(part)
      total += part.length
      format = frame
    }
    if (format === undefined || total === 0) return undefined
    const samples = new Int16Array(total)
    let at = 0
    for (const part of parts) {
      samples.set(part, at)
      at += part.length
    }
    return { sampleRate: format.sampleRate, channels: format.channels, samples, at: from }
  }

  /**
   * Where the audio between two times is the most silent, so that it may be cut
   * there; `to` where no place is more silent than that, and the latest of several.
   */
  quietest(from: number, to: number): number {
    const audio = this.slice(from, to)
    if (audio === undefined) return to
    const { channels, sampleRate, samples } = audio
    const step = Math.max(1, Math.round(sampleRate * stepMs / 1000)) * channels
    const energies: Array<number> = []
    for (let end = samples.length; end >= step; end -= step) {
      let energy = 0
      for (let i = end - step; i < end; i++) energy += samples[i]! * samples[i]!
      energies.push(energy)
    }
    const width = Math.min(pauseSteps, energies.length)
    let energy = 0
    for (let i = 0; i < width; i++) energy += energies[i]!
    let least = energy
    let best = -1
    for (let i = width; i < energies.length; i++) {
      energy += energies[i]! - energies[i - width]!
      if (energy >= least) continue
      least = energy
      best = i + 1 - width
    }
    return best === -1 ? to : to - (best + width / 2) * step / channels / sampleRate * 1000
  }

  /** Where the kept audio begins. */
  get start(): number {
    return this.#pieces[0]?.start ?? this.#end
  }

  dropBefore(time: number): void {
    const first = this.#pieces.findIndex(({ end }) => end > time)
    const dropped = this.#pieces.splice(0, first === -1 ? this.#pieces.length : first)
    for (const { end, start } of dropped) this.#length -= end - start
    const [piece] = this.#pieces
    if (piece === undefined || piece.start >= time) return
    const { channels, sampleRate, samples } = piece.frame
    const cut = Math.round((time - piece.start) * sampleRate / 1000)
    const start = piece.start + cut / sampleRate * 1000
    this.#length -= start - piece.start
    this.#pieces[0] = { ...piece, frame: { ...piece.frame, samples: samples.subarray(cut * channels) }, start }
  }

  #keep(frames: ReadonlyArray<Audio.Frame>): void {
    for (const frame of frames) {
      if (frame.samples.length === 0) continue
      const start = frame.at ?? this.#end
      this.#end = start + Audio.durationMs(frame)
      this.#length += this.#end - start
      this.#pieces.push({ frame, start, end: this.#end })
    }
  }
}
