import * as Audio from "../../Audio.ts"

interface Piece {
  readonly frame: Audio.Frame
  readonly start: number
  readonly end: number
}

/** Audio in one format with the time of every sample, to be cut by time (ms). */
export class Reel {
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

  /** Where the kept audio begins. */
  get start(): number {
    return this.#pieces[0]?.start ?? this.#end
  }

  dropBefore(time: number): void {
    const first = this.#pieces.findIndex(({ end }) => end > time)
    const dropped = this.#pieces.splice(0, first === -1 ? this.#pieces.length : first)
    for (const { end, start } of dropped) this.#length -= end - start
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
