/**
 * Takes the marks of Markdown out of a text that comes in pieces, and leaves what
 * a voice should say. Each code unit is looked at once; what may become markup is
 * held, up to a length, and given as it is when it does not.
 */
import * as Address from "./address.ts"
import * as Chars from "./chars.ts"
import { bullet, bullets, fence, fenceEnd, heading, rule, tableRule, undecided } from "./lineStarts.ts"
import { Spans } from "./spans.ts"
import type { Run } from "./transform.ts"

/** Longest text, in code units, that is held because it may become markup. */
const longest = 300
const longestAddress = 2000
const longestLead = 100

const newline = 10
const bang = 33
const parenOpen = 40
const parenClose = 41
const star = 42
const bracketOpen = 91
const backslash = 92
const bracketClose = 93
const underscore = 95
const backtick = 96
const pipe = 124
const tilde = 126
const blank = 32

const special = new Set([newline, bang, star, bracketOpen, backslash, bracketClose, underscore, backtick, tilde])
const escapable = new Set("*_`~[]#|")

const literal = (unit: number, length: number): string => String.fromCharCode(unit).repeat(length)

class Stripper {
  #mode: "line" | "inline" | "code" | "address" | "fence" = "line"
  readonly #spans = new Spans(longest)

  /** The start of a line, until it is decided; undefined in the middle of a fenced line. */
  #lead: string | undefined = ""
  #fence = ""

  #before = newline
  #pending = 0
  #run = 0
  #runLength = 0
  readonly #word = new Address.Word()

  #code = ""
  #codeTicks = 0
  #closingTicks = 0

  #address = ""
  #addressDepth = 0

  #isTable = false
  #hasCell = false
  #gap = ""

  readonly push = (chunk: string): string => {
    for (let i = 0; i < chunk.length; i++) {
      const start = i
      while (this.#isIdle() && i < chunk.length && !special.has(chunk.charCodeAt(i))) i++
      if (i > start) {
        this.#say(chunk.slice(start, i))
        this.#before = chunk.charCodeAt(i - 1)
      }
      if (i < chunk.length) this.#feed(chunk.charCodeAt(i))
    }
    return this.#spans.take()
  }

  readonly end = (): string => {
    if (this.#mode === "line") {
      this.#endLead()
    }
    if (this.#mode === "inline") {
      this.#settle(blank)
      this.#endCell()
    }
    switch (this.#mode) {
      case "code":
        this.#endCode()
        break
      case "address":
        this.#rejectAddress()
        break
      case "fence":
        this.#spans.text(this.#isFenceEnd() ? "" : this.#lead ?? "")
        break
    }
    this.#spans.giveUp()
    this.#mode = "line"
    this.#lead = this.#fence = ""
    this.#before = newline
    this.#word.reset()
    this.#isTable = this.#hasCell = false
    return this.#spans.take()
  }

  #isIdle(): boolean {
    return this.#mode === "inline" && !this.#isTable && this.#runLength === 0 && this.#pending === 0
  }

  #feed(unit: number): void {
    switch (this.#mode) {
      case "line":
        return this.#feedLead(unit)
      case "inline":
        return this.#feedInline(unit)
      case "code":
        return this.#feedCode(unit)
      case "address":
        return this.#feedAddress(unit)
      case "fence":
        return this.#feedFence(unit)
    }
  }

  #feedLead(unit: number) {
    if (unit === newline) {
      if (this.#endLead()) {
        this.#feedInline(unit)
      }
      return
    }
    const lead = this.#lead + String.fromCharCode(unit)
    this.#lead = lead
    if (heading.test(lead)) {
      this.#startInline()
    } else if (bullet.test(lead)) {
      this.#lead = ""
    } else if (lead.length > longestLead) {
      this.#releaseLead(lead.replace(bullets, ""))
    } else if (!undecided.test(lead)) {
      const rest = lead.replace(bullets, "")
      if (rest === lead) return this.#releaseLead(lead)
      this.#lead = ""
      for (let i = 0; i < rest.length; i++) this.#feed(rest.charCodeAt(i))
    }
  }

  #startInline() {
    this.#mode = "inline"
    this.#lead = ""
    this.#before = newline
  }

  #releaseLead(lead: string) {
    this.#startInline()
    this.#isTable = /^[ \t]*\|/.test(lead)
    for (let i = 0; i < lead.length; i++) {
      this.#feed(lead.charCodeAt(i))
    }
  }

  /** The line ends inside its lead: true if its line break stays. */
  #endLead(): boolean {
    const lead = this.#lead ?? ""
    const opening = fence.exec(lead)?.[1]
    if (opening !== undefined) {
      this.#mode = "fence"
      this.#fence = opening
      this.#lead = ""
      return false
    }
    if (tableRule.test(lead)) {
      this.#lead = ""
      return false
    }
    if (rule.test(lead)) {
      this.#startInline()
    } else {
      this.#releaseLead(lead.replace(bullets, ""))
    }
    return true
  }

  #isFenceEnd(): boolean {
    const ticks = fenceEnd.exec(this.#lead ?? "x")?.[1]
    return ticks !== undefined && ticks.startsWith(this.#fence)
  }

  #feedFence(unit: number) {
    const character = String.fromCharCode(unit)
    if (unit === newline) {
      if (this.#isFenceEnd()) {
        this.#mode = "line"
      } else {
        this.#spans.text((this.#lead ?? "") + character)
      }
      this.#lead = ""
    } else if (this.#lead === undefined) {
      this.#spans.text(character)
    } else {
      this.#lead += character
      if (this.#lead.length > longestLead || !fenceEnd.test(this.#lead)) {
        this.#spans.text(this.#lead)
        this.#lead = undefined
      }
    }
  }

  #feedInline(unit: number): void {
    if (this.#runLength > 0 && unit === this.#run) {
      this.#runLength++
      return
    }
    if (this.#settle(unit)) {
      return
    }
    if (this.#mode !== "inline") {
      return this.#feed(unit)
    }
    if (this.#isTable && this.#feedTable(unit)) {
      this.#before = unit
      return
    }
    switch (unit) {
      case newline:
        this.#spans.giveUp()
        this.#spans.text("\n")
        this.#mode = "line"
        this.#word.reset()
        this.#isTable = this.#hasCell = false
        break
      case star:
      case underscore:
      case tilde:
      case backtick:
        this.#run = unit
        this.#runLength = 1
        return
      case bang:
      case backslash:
        this.#pending = unit
        break
      case bracketOpen:
        this.#spans.open(unit, "[")
        break
      case bracketClose:
        if (!this.#spans.hasBracket()) {
          this.#spans.text("]")
        } else {
          this.#pending = unit
        }
        break
      default:
        this.#say(String.fromCharCode(unit))
    }
    this.#before = unit
  }

  #say(text: string) {
    this.#spans.text(text)
    this.#word.push(text)
  }

  /** Decides what waited for the unit that follows it: true if that unit is used up. */
  #settle(next: number): boolean {
    if (this.#runLength > 0) {
      this.#settleRun(next)
      return false
    }
    const pending = this.#pending
    this.#pending = 0
    switch (pending) {
      case bang:
        if (next === bracketOpen) {
          this.#spans.open(bang, "![")
          this.#before = next
          return true
        }
        this.#spans.text("!")
        return false
      case backslash:
        if (escapable.has(String.fromCharCode(next))) {
          this.#spans.text(String.fromCharCode(next))
          this.#before = next
          return true
        }
        this.#spans.text("\\")
        return false
      case bracketClose:
        if (next === parenOpen) {
          this.#mode = "address"
          this.#address = ""
          this.#addressDepth = 1
          return true
        }
        this.#spans.rejectBracket()
        this.#spans.text("]")
        return false
      default:
        return false
    }
  }

  #settleRun(next: number) {
    const unit = this.#run
    const length = this.#runLength
    const left = this.#before
    this.#runLength = 0
    this.#before = unit
    if (unit === backtick) {
      this.#mode = "code"
      this.#code = ""
      this.#codeTicks = length
      this.#closingTicks = 0
      return
    }
    if (unit === tilde ? length !== 2 : length > 3) {
      return this.#spans.text(literal(unit, length))
    }
    const isUnderscore = unit === underscore
    if (this.#word.isAddress) {
      const closes = Address.mayEndBefore(next)
      return this.#spans.text(literal(unit, closes ? this.#spans.close(unit, length) : length))
    }
    const afterWord = Chars.isWord(left) && (isUnderscore || !Chars.isJoined(left))
    const beforeWord = Chars.isWord(next) && (isUnderscore || !Chars.isJoined(next))
    // Two stars before a word end what two stars have begun; one may be a sign of arithmetic.
    const isInner = beforeWord && (unit !== star || length !== 2)
    const rest = Chars.isSpace(left) || isInner ? length : this.#spans.close(unit, length)
    if (rest === 0) {
      return
    }
    if (rest === length && !afterWord && !Chars.isSpace(next)) {
      return this.#spans.open(unit, literal(unit, length))
    }
    if (isUnderscore && afterWord && beforeWord) {
      // an identifier: `__its_parts__` are no emphasis either
      this.#spans.forget(underscore)
    }
    this.#spans.text(literal(unit, rest))
  }

  #feedAddress(unit: number) {
    if (unit === newline) {
      this.#rejectAddress()
      return this.#feedInline(unit)
    }
    this.#addressDepth += unit === parenOpen ? 1 : unit === parenClose ? -1 : 0
    if (this.#addressDepth > 0) {
      this.#address += String.fromCharCode(unit)
      if (this.#address.length > longestAddress) {
        this.#rejectAddress()
      }
      return
    }
    if (!Address.isTarget(this.#address)) {
      this.#address += ")"
      return this.#rejectAddress()
    }
    this.#mode = "inline"
    this.#before = unit
    this.#spans.acceptBracket()
  }

  #rejectAddress() {
    this.#mode = "inline"
    this.#before = parenClose
    this.#spans.rejectBracket()
    this.#spans.text(`](${this.#address}`)
  }

  #feedCode(unit: number) {
    if (unit === backtick) {
      this.#closingTicks++
      return
    }
    if (this.#closingTicks === this.#codeTicks || unit === newline) {
      this.#endCode()
      return this.#feedInline(unit)
    }
    this.#code += literal(backtick, this.#closingTicks) + String.fromCharCode(unit)
    this.#closingTicks = 0
    if (this.#code.length > longest) {
      this.#endCode()
      this.#before = unit
    }
  }

  #endCode() {
    const isCode = this.#closingTicks === this.#codeTicks
    const isPadded = this.#code.startsWith(" ") && this.#code.endsWith(" ") && this.#code.trim() !== ""
    const code = isPadded ? this.#code.slice(1, -1) : this.#code
    this.#mode = "inline"
    this.#before = backtick
    this.#spans.text(
      isCode ? code : literal(backtick, this.#codeTicks) + this.#code + literal(backtick, this.#closingTicks)
    )
  }

  /** Spaces and pipes between cells: true if the unit belongs to them. */
  #feedTable(unit: number): boolean {
    if (unit === pipe || unit !== newline && Chars.isSpace(unit)) {
      this.#gap += String.fromCharCode(unit)
      if (this.#gap.length > longest) {
        this.#endCell()
      }
      return true
    }
    if (unit === newline) {
      this.#endCell()
    } else if (this.#gap !== "") {
      this.#spans.text(this.#gap.includes("|") ? this.#hasCell ? ", " : "" : this.#gap)
      this.#gap = ""
    }
    this.#hasCell = true
    return false
  }

  #endCell() {
    this.#spans.text(this.#gap.includes("|") ? "" : this.#gap)
    this.#gap = ""
  }
}

export const open = (): Run => new Stripper()
