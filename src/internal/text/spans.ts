/** Marks in a line that come in pairs, such as `**`: held until both are there, or given as text. */
import { Tail } from "./tail.ts"
import { bang, bracketOpen, pipe } from "./units.ts"

/** Text before a bracket that is looked at. */
const remembered = 24

/** Spans within one another. */
const mostOpen = 32

interface Opener {
  readonly unit: number
  /** The text before a bracket, of which the space may go with it. */
  readonly before: string
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
  /** Spaces at the end of the text, and what stands before them. */
  #blank = ""
  #last = ""
  readonly #recent = new Tail(remembered)

  constructor(longest: number) {
    this.#longest = longest
  }

  /** What is decided; a space at its end may stand before a cell or a mark of a source, unless a sentence has ended. */
  take(): string {
    if (this.#blank !== "" && !this.#mayGo()) this.#settle()
    const out = this.#out
    this.#out = ""
    return out
  }

  /** The rest, where no more comes. */
  finish(): string {
    this.#settle()
    const out = this.#out
    this.#out = this.#last = ""
    this.#recent.reset()
    return out
  }

  /** The last of the text, whether it was given or not. */
  before(): string {
    let text = ""
    for (let i = this.#parts.length - 1; i >= 0 && text.length < remembered; i--) text = this.#parts[i] + text
    return (text.length < remembered ? this.#recent.text + text : text).slice(-remembered)
  }

  /** Drops the spaces at the end, save those that were given. */
  trimEnd() {
    if (this.#openers.length > 0) this.#parts.push(this.#parts.pop()!.replace(/[ \t]+$/, ""))
    else if (this.#mayGo()) {
      this.#recent.trimEnd()
      this.#blank = ""
    }
  }

  /** Whether the spaces at the end may belong to what follows. */
  #mayGo(): boolean {
    return this.#last !== "" && !/[\s.!?…:;,。！？]/.test(this.#last)
  }

  /** The spaces at the end are text. */
  #settle() {
    if (this.#blank === "") return
    this.#out += this.#blank
    this.#last = " "
    this.#blank = ""
  }

  #write(text: string) {
    if (text === "") return
    this.#recent.push(text)
    let end = text.length
    while (end > 0 && (text[end - 1] === " " || text[end - 1] === "\t")) end--
    if (end === 0) {
      this.#blank += text
      return
    }
    this.#out += this.#blank === "" && end === text.length ? text : this.#blank + text.slice(0, end)
    this.#last = text[end - 1]!
    this.#blank = text.slice(end)
  }

  text(text: string) {
    if (this.#openers.length === 0) return this.#write(text)
    this.#parts[this.#parts.length - 1] += text
    this.#held += text.length
    if (this.#held > this.#longest) {
      this.giveUp()
    }
  }

  open(unit: number, text: string) {
    // So many are no marks, and each that comes would look at all of them.
    if (this.#openers.length >= mostOpen) this.giveUp()
    const before = unit === bracketOpen ? this.before() : ""
    this.#openers.push({ unit, before, part: this.#parts.length, length: text.length })
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

  /** What stands in the last bracket, and before it; `undefined` of an image. */
  bracket(): { readonly content: string; readonly before: string } | undefined {
    const opener = this.#openers[this.#bracket()]
    return opener === undefined || opener.unit === bang
      ? undefined
      : { content: this.#parts.slice(opener.part + 1).join(""), before: opener.before }
  }

  /** The last bracket goes with what is in it, and with the space before it. */
  dropBracket() {
    const at = this.#bracket()
    const opener = this.#openers[at]
    if (opener === undefined) return
    this.#openers.length = at
    this.#parts.length = opener.part
    const last = this.#parts.length - 1
    if (last >= 0) this.#parts[last] = this.#parts[last]!.trimEnd()
    this.#flush()
    if (last < 0) this.trimEnd()
  }

  /** Pipes that may part the cells of a table do so, or are text. */
  settlePipes(cells: boolean) {
    const pipes = this.#openers.filter(({ unit }) => unit === pipe)
    if (pipes.length === 0) return
    if (cells) { for (const { part } of pipes) this.#parts[part] = ", " }
    this.forget(pipe)
  }

  hasPipe(): boolean {
    return this.#openers.some(({ unit }) => unit === pipe)
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
      this.#write(this.#parts.join(""))
      this.#parts = []
      this.#held = 0
    }
  }
}
