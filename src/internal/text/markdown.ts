/**
 * Takes the marks of Markdown out of a text that comes in pieces, and leaves what
 * a voice should say. Each code unit is looked at once; what may become markup is
 * held, up to a length, and given as it is when it does not.
 */
import * as Address from "./address.ts"
import * as Chars from "./chars.ts"
import * as Lines from "./lineStarts.ts"
import { Links } from "./links.ts"
import { CodeSpan, Fence } from "./literals.ts"
import { Spans } from "./spans.ts"
import type { Run } from "./transform.ts"
import * as Unit from "./units.ts"

/** Longest text, in code units, that is held because it may become markup. */
const longest = 300
const longestLead = 100
const longestRow = 1000

const special = new Uint8Array(0x10000)
for (const sign of "\n!*[\\]_`|~") special[sign.charCodeAt(0)] = 1
const escapable = new Set("*_`~[]#|.!+-(){}<>$&\"'")

const literal = (unit: number, length: number): string => String.fromCharCode(unit).repeat(length)

class Stripper {
  #mode: "line" | "inline" | "code" | "link" | "fence" = "line"
  readonly #spans = new Spans(longest)
  readonly #links = new Links(this.#spans)

  /** The start of a line, until it is decided. */
  #lead = ""
  readonly #fence = new Fence(longestLead)
  readonly #code = new CodeSpan(longest)

  #before = Unit.newline
  #pending = 0
  #run = 0
  #runLength = 0
  readonly #word = new Address.Word()

  /** Rows follow, with pipes around them or between their cells alone. */
  #hasRows = false
  #isTable = false
  #hasCell = false
  #gap = ""
  /** A cell begins. */
  #isBlank = false

  readonly push = (chunk: string): string => {
    for (let i = 0; i < chunk.length; i++) {
      const start = i
      if (this.#isIdle()) { while (i < chunk.length && special[chunk.charCodeAt(i)] === 0) i++ }
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
      if (this.#pending === Unit.backslash) this.#spans.text("\\")
      else this.#settle(Unit.newline)
      this.#pending = 0
      this.#endCell()
    }
    switch (this.#mode) {
      case "code":
        this.#endCode()
        break
      case "link":
        this.#links.reject()
        break
      case "fence":
        this.#spans.text(this.#fence.end())
        break
    }
    this.#spans.giveUp()
    this.#mode = "line"
    this.#lead = ""
    this.#before = Unit.newline
    this.#word.reset()
    this.#isTable =
      this.#hasCell =
      this.#hasRows =
      this.#isBlank =
        false
    this.#links.reset()
    return this.#spans.finish()
  }

  #isIdle(): boolean {
    return this.#mode === "inline" && !this.#isTable && !this.#isBlank && this.#runLength === 0 && this.#pending === 0
  }

  #feed(unit: number): void {
    switch (this.#mode) {
      case "line":
        return this.#feedLead(unit)
      case "inline":
        return this.#feedInline(unit)
      case "code":
        return this.#feedCode(unit)
      case "link":
        return this.#feedLink(unit)
      case "fence":
        return this.#feedFence(unit)
    }
  }

  #feedLead(unit: number) {
    if (unit === Unit.newline) {
      if (this.#endLead()) {
        this.#feedInline(unit)
      }
      return
    }
    const lead = this.#lead + String.fromCharCode(unit)
    this.#lead = lead
    if (
      lead.length > longestLead && lead.length <= longestRow &&
      (Lines.tableRuleBegun.test(lead) || Lines.isDefining(lead))
    ) return
    if (Lines.heading.test(lead)) {
      this.#startInline()
    } else if (Lines.bullet.test(lead) || Lines.note.test(lead)) {
      this.#lead = ""
    } else if (Lines.isDefining(lead)) {
      return
    } else if (lead.length > longestLead) {
      this.#releaseLead(lead.replace(Lines.bullets, ""))
    } else if (!Lines.undecided.test(lead)) {
      const rest = lead.replace(Lines.bullets, "")
      if (rest === lead) return this.#releaseLead(lead)
      this.#lead = ""
      for (let i = 0; i < rest.length; i++) this.#feed(rest.charCodeAt(i))
    }
  }

  #startInline() {
    this.#spans.settlePipes(false)
    this.#spans.giveUp()
    this.#mode = "inline"
    this.#lead = ""
    this.#before = Unit.newline
  }

  #releaseLead(lead: string) {
    this.#startInline()
    this.#isTable = this.#hasRows || /^[ \t]*\|/.test(lead)
    for (let i = 0; i < lead.length; i++) {
      this.#feed(lead.charCodeAt(i))
    }
  }

  /** The line ends inside its lead: true if its line break stays. */
  #endLead(): boolean {
    const lead = this.#lead
    const opening = Lines.fence.exec(lead)?.[1]
    if (opening !== undefined) {
      this.#mode = "fence"
      this.#fence.begin(opening)
      this.#lead = ""
      return false
    }
    if (Lines.tableRule.test(lead) || Lines.isDefinition(lead)) {
      this.#spans.settlePipes(true)
      this.#hasRows ||= Lines.tableRule.test(lead)
      this.#lead = ""
      return false
    }
    if (lead.trim() === "") this.#hasRows = false
    if (Lines.rule.test(lead)) {
      this.#startInline()
    } else {
      this.#releaseLead(lead.replace(Lines.bullets, ""))
    }
    return true
  }

  #feedFence(unit: number) {
    const text = this.#fence.push(unit)
    if (text === undefined) this.#mode = "line"
    else this.#spans.text(text)
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
    if (this.#isBlank && unit !== Unit.newline && Chars.isSpace(unit)) return
    if (this.#isBlank) {
      this.#isBlank = false
      if (unit !== Unit.newline) this.#spans.text(", ")
      this.#before = Unit.blank
    }
    switch (unit) {
      case Unit.newline:
        if (!this.#spans.hasPipe()) this.#spans.giveUp()
        this.#spans.text("\n")
        this.#mode = "line"
        this.#word.reset()
        this.#isTable = this.#hasCell = false
        this.#links.reset()
        break
      case Unit.star:
      case Unit.underscore:
      case Unit.tilde:
      case Unit.backtick:
        this.#run = unit
        this.#runLength = 1
        return
      case Unit.bang:
      case Unit.backslash:
      case Unit.pipe:
        this.#pending = unit
        break
      case Unit.bracketOpen:
        this.#spans.open(unit, "[")
        break
      case Unit.bracketClose:
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
      case Unit.bang:
        if (next === Unit.bracketOpen) {
          this.#spans.open(Unit.bang, "![")
          this.#before = next
          return true
        }
        this.#spans.text("!")
        return false
      case Unit.backslash:
        if (escapable.has(String.fromCharCode(next))) {
          this.#spans.text(String.fromCharCode(next))
          this.#before = next
          return true
        }
        // Before the end of a line it is a break of that.
        if (next !== Unit.newline) this.#spans.text("\\")
        return false
      case Unit.pipe:
        return this.#settlePipe(next)
      case Unit.bracketClose:
        return this.#settleBracket(next)
      default:
        return false
    }
  }

  /** "a | b" are cells of a table, and so may be "a|b": the next line tells. */
  #settlePipe(next: number): boolean {
    const left = this.#spans.before().slice(-1)
    if (next === Unit.pipe || left === "|") this.#spans.text("|")
    else if (/[ \t]/.test(left) && Chars.isSpace(next)) {
      this.#spans.trimEnd()
      this.#isBlank = true
    } else if (left === "" || left === "\n" || Chars.isSpace(next)) this.#spans.text("|")
    else this.#spans.open(Unit.pipe, "|")
    return false
  }

  #settleBracket(next: number): boolean {
    const found = this.#links.close(next, this.#word.isAddress)
    if (found === "follows") this.#mode = "link"
    const before = this.#spans.before()
    if (found === "gone") this.#before = before.charCodeAt(before.length - 1)
    return found === "follows"
  }

  #feedLink(unit: number) {
    const state = this.#links.push(unit)
    if (state === "more") return
    this.#mode = "inline"
    this.#before = Unit.parenClose
    if (state === "rejected") this.#feedInline(unit)
  }

  #settleRun(next: number) {
    const unit = this.#run
    const length = this.#runLength
    const left = this.#before
    this.#runLength = 0
    this.#before = unit
    if (unit === Unit.backtick) {
      this.#mode = "code"
      this.#code.begin(length)
      return
    }
    if (unit === Unit.tilde ? length !== 2 : length > 3) {
      return this.#spans.text(literal(unit, length))
    }
    const isUnderscore = unit === Unit.underscore
    if (this.#word.isAddress) {
      const closes = Address.mayEndBefore(next)
      return this.#spans.text(literal(unit, closes ? this.#spans.close(unit, length) : length))
    }
    const afterWord = Chars.isWord(left) && (isUnderscore || !Chars.isJoined(left))
    const beforeWord = Chars.isWord(next) && (isUnderscore || !Chars.isJoined(next))
    // Two stars before a word end what two stars have begun; one may be a sign of arithmetic.
    const isInner = beforeWord && (unit !== Unit.star || length !== 2)
    const rest = Chars.isSpace(left) || isInner ? length : this.#spans.close(unit, length)
    if (rest === 0) {
      return
    }
    if (rest === length && !afterWord && !Chars.isSpace(next)) {
      return this.#spans.open(unit, literal(unit, length))
    }
    if (isUnderscore && afterWord && beforeWord) {
      // an identifier: `__its_parts__` are no emphasis either
      this.#spans.forget(Unit.underscore)
    }
    this.#spans.text(literal(unit, rest))
  }

  #feedCode(unit: number) {
    if (!this.#code.push(unit)) {
      this.#endCode()
      return this.#feedInline(unit)
    }
    if (this.#code.isTooLong) {
      this.#endCode()
      this.#before = unit
    }
  }

  #endCode() {
    this.#mode = "inline"
    this.#before = Unit.backtick
    this.#spans.text(this.#code.end())
  }

  /** Spaces and pipes between cells: true if the unit belongs to them. */
  #feedTable(unit: number): boolean {
    if (unit === Unit.pipe || unit !== Unit.newline && Chars.isSpace(unit)) {
      this.#gap += String.fromCharCode(unit)
      if (this.#gap.length > longest) {
        this.#endCell()
      }
      return true
    }
    if (unit === Unit.newline) {
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
