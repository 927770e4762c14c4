/** The end of a text that comes in pieces: kept as it comes, and cut when it is looked at. */
export class Tail {
  readonly #length: number
  #text = ""

  /** `length`: code units that are remembered. */
  constructor(length: number) {
    this.#length = length
  }

  push(text: string) {
    if (text.length >= this.#length) this.#text = text
    else this.#text = this.#text.length > 8 * this.#length ? this.#text.slice(-this.#length) + text : this.#text + text
  }

  get text(): string {
    return this.#text.slice(-this.#length)
  }

  /** Forgets the spaces at the end. */
  trimEnd() {
    this.#text = this.text.trimEnd()
  }

  reset() {
    this.#text = ""
  }
}
