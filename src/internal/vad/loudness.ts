/**
 * Where sound ends, by loudness alone. A model of voice notices an end late, some 40 to 220 ms
 * after the last sound; between that and its boundary lies noise, as loud as what comes after. A
 * sound that is softer than a word, such as a last "s" or "t", is louder than noise, and counts as
 * sound. If the noise is not known to be lower, nothing is moved. Positions are samples.
 */

/** Length of a piece (ms): single ones differ by chance, several in a row tell a level. */
const pieceMs = 8
const averaged = 4

/** How far before the model's boundary the end is looked for (ms), and how much is known of the noise. */
const reachMs = 240
const keptMs = 3000

/** So much above the noise is sound (power): 6 dB. */
const above = 4

/** The quietest tenth of what was heard lately is noise. */
const quietest = 0.1

/** So far below the loudest it is the room that dies away: 40 dB. The softest consonants are 30 dB below the vowels. */
const below = 1e-4

/** Mean power below which nothing can be heard, and a line carries nothing: −76 dBFS. */
const inaudible = 25

const square = (sample: number): number => Math.imul(sample, sample)

/** Sum of the squares. Two squares fit into 32 bits, and two sums need not wait for each other. */
const energy = (samples: Int16Array, from: number, to: number): number => {
  let sum = 0
  let other = 0
  let i = from
  for (; i + 3 < to; i += 4) {
    sum += (square(samples[i]!) + square(samples[i + 1]!)) >>> 0
    other += (square(samples[i + 2]!) + square(samples[i + 3]!)) >>> 0
  }
  for (; i < to; i++) sum += square(samples[i]!)
  return sum + other
}

export class Loudness {
  readonly #size: number
  /** Mean power of the newest pieces, by their number. */
  readonly #powers = new Float64Array(Math.ceil(keptMs / pieceMs))
  /** Pieces of which it is known where they lie. */
  #placed = 0
  #count = 0
  #sum = 0
  #filled = 0
  /** Where the first piece would lie, if all before were placed. */
  #start = 0

  constructor(sampleRate: number) {
    this.#size = Math.max(1, Math.round(pieceMs * sampleRate / 1000))
  }

  /** Takes what follows. */
  push(samples: Int16Array): void {
    for (let at = 0; at < samples.length;) {
      const end = Math.min(samples.length, at + this.#size - this.#filled)
      this.#sum += energy(samples, at, end)
      this.#filled += end - at
      at = end
      if (this.#filled < this.#size) return
      this.#powers[this.#count++ % this.#powers.length] = this.#sum / this.#size
      this.#placed++
      this.#sum = 0
      this.#filled = 0
    }
  }

  /** The next sample stands at `position`: nothing but the noise is known of what lies before it. */
  begin(position: number): void {
    this.#placed = 0
    this.#sum = 0
    this.#filled = 0
    this.#start = position - this.#count * this.#size
  }

  /**
   * Where the last sound before a position ends; the position itself where it
   * lies in sound, or where none is found within reach and after `since`.
   */
  soundEnd(position: number, since: number): number {
    const boundary = Math.floor((position - this.#start) / this.#size)
    const reach = boundary - Math.ceil(reachMs / pieceMs)
    const earliest = Math.max(this.#count - this.#placed, reach, Math.ceil((since - this.#start) / this.#size))
    if (boundary <= earliest || boundary >= this.#count) return position
    const threshold = this.#threshold(boundary)
    for (let piece = boundary - 1; piece >= earliest; piece--) {
      if (this.#power(piece) > threshold) return Math.min(position, this.#start + (piece + 1) * this.#size)
    }
    return position
  }

  /** What comes after the boundary is no quieter than the noise, and may be as loud as a soft end of a word. */
  #threshold(boundary: number): number {
    const levels: Array<number> = []
    const oldest = Math.max(0, this.#count - this.#powers.length)
    for (let piece = oldest; piece + averaged <= this.#count; piece += averaged / 2) {
      levels.push(this.#mean(piece, piece + averaged))
    }
    const audible = levels.filter((level) => level >= inaudible).sort((a, b) => a - b)
    const noise = Math.min(
      audible[Math.floor(quietest * audible.length)] ?? 0,
      this.#mean(boundary, this.#count)
    )
    return Math.max(inaudible, above * (noise < inaudible ? 0 : noise), below * (audible.at(-1) ?? 0))
  }

  #mean(from: number, to: number): number {
    let sum = 0
    for (let piece = from; piece < to; piece++) sum += this.#power(piece)
    return sum / (to - from)
  }

  #power(piece: number): number {
    return this.#powers[piece % this.#powers.length]!
  }
}
