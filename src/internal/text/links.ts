/** Brackets in a line of Markdown: links, what they refer to, and marks of sources. */
import * as Address from "./address.ts"
import { cites, isChoice, isMark, isNumber } from "./sources.ts"
import type { Spans } from "./spans.ts"
import { bracketClose, bracketOpen, newline, parenClose, parenOpen } from "./units.ts"

const longestAddress = 2000
const longestReference = 100

export class Links {
  readonly #spans: Spans
  #opener = ""
  #address = ""
  #depth = 0
  /** Numbers in brackets are something to choose. */
  #saysNumbers = false

  constructor(spans: Spans) {
    this.#spans = spans
  }

  /** The line, or the text, is over. */
  reset() {
    this.#saysNumbers = false
  }

  /**
   * A bracket has closed: whether an address or a reference follows, which has begun with `next`, the bracket
   * and what is in it are gone, or they are text.
   */
  close(next: number, isAddress: boolean): "follows" | "gone" | "text" {
    const { before, content } = this.#spans.bracket() ?? { before: "", content: "" }
    const isNumbered = isNumber(content)
    const isSpaced = /[ \t]$/.test(before)
    // "Press [1] or [2]."
    this.#saysNumbers ||= isNumbered && isSpaced && isChoice(before.trimEnd())
    const mayCite = isNumbered && !this.#saysNumbers && !isAddress
    if (next === parenOpen) return this.#follows("(")
    const sign = String.fromCharCode(next)
    if (isMark(content) || mayCite && cites(isSpaced ? before.trimEnd() : before, isSpaced, sign)) {
      this.#spans.dropBracket()
      return "gone"
    }
    if (next === bracketOpen && !/[\p{L}\p{N}_)\]]$/u.test(before) && content !== "" && !isNumbered) {
      return this.#follows("[")
    }
    this.#saysNumbers ||= isNumbered
    this.#spans.rejectBracket()
    this.#spans.text("]")
    return "text"
  }

  #follows(opener: string): "follows" {
    this.#opener = opener
    this.#address = ""
    this.#depth = 1
    return "follows"
  }

  /** One more unit of an address or a reference: whether it goes on, is over, or was none; then the unit may be of what follows. */
  push(unit: number): "more" | "over" | "rejected" {
    if (unit === newline) return this.reject()
    const isEnd = this.#opener === "["
      ? unit === bracketClose
      : (this.#depth += unit === parenOpen ? 1 : unit === parenClose ? -1 : 0) === 0
    if (!isEnd) {
      this.#address += String.fromCharCode(unit)
      if (this.#address.length <= (this.#opener === "[" ? longestReference : longestAddress)) return "more"
      this.reject()
      return "over"
    }
    if (this.#opener === "(" && !Address.isTarget(this.#address)) {
      this.#address += ")"
      this.reject()
    } else if (/^\[?\d{1,3}\]?$/.test(this.#spans.bracket()?.content ?? "")) this.#spans.dropBracket()
    else this.#spans.acceptBracket()
    return "over"
  }

  /** It is text. */
  reject(): "rejected" {
    this.#spans.rejectBracket()
    this.#spans.text(`]${this.#opener}${this.#address}`)
    return "rejected"
  }
}
