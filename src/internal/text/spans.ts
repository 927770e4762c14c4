/** Marks in a line that come in pairs, such as `**`: held until both are there, or given as text. */

const bang = 33
const bracketOpen = 91

/** Spans within one another. */
const mostOpen = 32

interface Opener {
  readonly unit: number
  readonly part: number
  length: number
}

const literal = (unit: number, length: number): string => String.fromCharCode(unit).repeat(length)

/**
 * Text behind marks that may open a span. While any is open the text is held;
 * it is released when all are paired, or turn out to be text themselves.
 */
export class Spans {
  readonly #longest: number
  #out = ""
  /** Openers, each a part of its own, and the text between them. */
  #parts: Array<string> = []
  #openers: Array<Opener> = []
  #held = 0

  constructor(longest: number) {
    this.#longest = longest
  }

  take(): string {
    const out = this.#out
    this.#out = ""
    return out
  }

  text(text: string) {
    if (this.#openers.length === 0) {
      this.#out += text
      return
    }
    this.#parts[this.#parts.length - 1] += text
    this.#held += text.length
    if (this.#held > this.#longest) {
      this.giveUp()
    }
  }

  open(unit: number, text: string) {
    // So many are no marks, and each that comes would look at all of them.
    if (this.#openers.length >= mostOpen) this.giveUp()
    this.#openers.push({ unit, part: this.#parts.length, length: text.length })
    this.#parts.push(text, "")
    this.#held += text.length
  }

  /** Pairs a closing run with the openers that it can close; gives what is left of it. */
  close(unit: number, length: number): number {
    let rest = length
    for (let i = this.#openers.length - 1; i >= 0 && rest > 0; i--) {
      const opener = this.#openers[i]
      if (opener === undefined || opener.unit !== unit) {
        continue
      }
      if (opener.length === rest || rest === 3) {
        rest -= opener.length
        this.#openers.length = i
        this.#parts[opener.part] = ""
      } else if (opener.length === 3) {
        opener.length -= rest
        rest = 0
        this.#openers.length = i + 1
        this.#parts[opener.part] = literal(unit, opener.length)
      }
    }
    this.#flush()
    return rest
  }

  /** No opener of this kind was one. */
  forget(unit: number) {
    this.#openers = this.#openers.filter((opener) => opener.unit !== unit)
    this.#flush()
  }

  giveUp() {
    this.#openers = []
    this.#flush()
  }

  hasBracket(): boolean {
    return this.#bracket() !== -1
  }

  /** The last bracket holds the text of a link, or of an image, which goes. */
  acceptBracket() {
    const at = this.#bracket()
    const opener = this.#openers[at]
    if (opener !== undefined) {
      this.#openers.length = at
      if (opener.unit === bang) {
        this.#parts.length = opener.part
      } else {
        this.#parts[opener.part] = ""
      }
      this.#flush()
    }
  }

  rejectBracket() {
    const at = this.#bracket()
    if (at !== -1) {
      this.#openers.splice(at, 1)
      this.#flush()
    }
  }

  #bracket(): number {
    return this.#openers.findLastIndex((opener) => opener.unit === bracketOpen || opener.unit === bang)
  }

  #flush() {
    if (this.#openers.length === 0) {
      this.#out += this.#parts.join("")
      this.#parts = []
      this.#held = 0
    }
  }
}
