/** A ring of samples of a fixed size, for who looks back. It belongs to one stream; what is older is gone. */

/** The newest samples of a stream, addressed by their position in it. */
export class Ring {
  readonly #data: Int16Array
  #end = 0

  constructor(capacity: number) {
    this.#data = new Int16Array(capacity)
  }

  /** Position of the oldest sample that is kept. */
  get start(): number {
    return Math.max(0, this.#end - this.#data.length)
  }

  /** Position behind the newest. */
  get end(): number {
    return this.#end
  }

  append(samples: Int16Array): void {
    const capacity = this.#data.length
    const kept = samples.length > capacity ? samples.subarray(samples.length - capacity) : samples
    const at = (this.#end + samples.length - kept.length) % capacity
    const head = Math.min(kept.length, capacity - at)
    this.#data.set(head === kept.length ? kept : kept.subarray(0, head), at)
    if (head < kept.length) {
      this.#data.set(kept.subarray(head), 0)
    }
    this.#end += samples.length
  }

  appendSilence(count: number): void {
    const capacity = this.#data.length
    for (let i = Math.max(this.#end, this.#end + count - capacity); i < this.#end + count; i++) {
      this.#data[i % capacity] = 0
    }
    this.#end += count
  }

  slice(from: number, to: number): Int16Array<ArrayBuffer> {
    const capacity = this.#data.length
    const out = new Int16Array(to - from)
    const at = from % capacity
    const head = Math.min(out.length, capacity - at)
    out.set(this.#data.subarray(at, at + head))
    out.set(this.#data.subarray(0, out.length - head), head)
    return out
  }
}
