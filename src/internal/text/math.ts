/**
 * Says formulas in a text that comes in pieces, as models write them: `$x^2$`, `\(…\)`, `\frac{a}{b}`, `10^6`.
 *
 * What may become one is held, and given as it is if it does not: a price, a path, an address. A run
 * holds no more than the longest formula, and a price no longer than to its end.
 */
import * as Address from "./address.ts"
import * as Chars from "./chars.ts"
import { type MathWords, mathWords } from "./mathWords.ts"
import { raised } from "./raised.ts"
import { Tail } from "./tail.ts"
import { argumentsOf, functionNames, powerOf, speak } from "./tex.ts"
import type { Run } from "./transform.ts"

/** Longest formula within a line, longest of its own, and longest exponent or name of a command. */
const longest = 300
const longestBlock = 1000
const longestName = 24
const mostNested = 8

/** What is above and below a sign: `\sum_{i=1}^n`. */
const scripts = /^(?:[_^](?:\{[^{}\n]*\}|[a-zA-Z0-9]))*[_^](?:[a-zA-Z0-9]|\{[^{}\n]*\}?)?$/

const openers = /[$\\^]/g

const isLetter = (unit: number): boolean => Chars.isWord(unit) && Chars.kindOf(unit) !== Chars.digit

const isFunction = (beginning: string): boolean => {
  for (const name of functionNames) if (name.startsWith(beginning)) return true
  return false
}

/** What may follow a number in a formula. */
const afterNumber = /[\sa-zA-Z+\-*/=^_\\<>(){}×·÷−]/

const isDigit = (code: number): boolean => code >= 48 && code <= 57
const isLatin = (code: number): boolean => code >= 97 && code <= 122 || code >= 65 && code <= 90

/** Whether a text may be a formula: words of three letters and more are none of one, and a price is none. */
class Formula {
  readonly #inLine: boolean
  #letters = ""
  /** It is no more than a number so far. */
  #number: boolean | undefined
  #depth = 0
  #command = false
  #ends = false

  constructor(inLine: boolean) {
    this.#inLine = inLine
  }

  /** False once it is none. */
  push(unit: string): boolean {
    const code = unit.charCodeAt(0)
    const isNumber = isDigit(code) || unit === "." || unit === ","
    if (this.#number === true && !isNumber) {
      if (this.#inLine && !afterNumber.test(unit)) return false
      this.#number = false
    }
    this.#number ??= isNumber && unit !== ","
    if (this.#ends && this.#depth === 0 && Chars.isSpace(code)) return false
    this.#ends = unit === "." || unit === "!" || unit === "?"
    if (isLatin(code)) {
      if (this.#command || this.#depth > 0) return true
      this.#letters += unit
      return this.#letters.length < 3 || isFunction(this.#letters)
    }
    this.#letters = ""
    this.#command = unit === "\\"
    if (unit === "{") this.#depth++
    else if (unit === "}") this.#depth--
    else if (code > 0x7f && this.#depth === 0) return !isLetter(code) || /[\p{Script=Greek}µ]/u.test(unit)
    return true
  }
}

/** What is in a formula and in no price or list of them. */
const isFormula = (text: string): boolean =>
  text.trim() !== "" &&
  (/[\\^_=+*/<>(){}\-−]/.test(text) ||
    /^\s*(?:[a-zA-Z]{1,2}|[a-zA-Z](?:\s*,\s*[a-zA-Z])+|[\d.,]+\s*[a-zA-Z]?|\p{Script=Greek})['′]?\s*$/u.test(text))

class Reader implements Run {
  readonly #words: MathWords
  #held = ""
  #formula: Formula | undefined
  /** The end of what was given. */
  readonly #given = new Tail(64)
  #spoke = false
  #out = ""

  constructor(words: MathWords) {
    this.#words = words
  }

  readonly push = (chunk: string): string => {
    if (this.#held === "" && !this.#spoke && chunk.search(openers) === -1) {
      this.#given.push(chunk)
      return chunk
    }
    for (let i = 0; i < chunk.length;) {
      if (this.#held === "") {
        openers.lastIndex = i
        const at = openers.exec(chunk)?.index ?? chunk.length
        if (at > i) this.#give(chunk.slice(i, at))
        if (at === chunk.length) break
        this.#begin(chunk.charAt(at))
        i = at + 1
      } else if (this.#take(chunk.charAt(i))) i++
    }
    const out = this.#out
    this.#out = ""
    return out
  }

  readonly end = (): string => {
    if (this.#held !== "") this.#finish()
    const out = this.#out
    this.#out = this.#held = ""
    this.#spoke = false
    this.#given.reset()
    return out
  }

  get #tail(): string {
    return this.#given.text
  }

  #give(text: string) {
    if (text === "") return
    if (this.#spoke && Chars.isWord(text.charCodeAt(0))) this.#out += " "
    this.#spoke = false
    this.#out += text
    this.#given.push(text)
  }

  #say(words: string) {
    if (words === "") return
    const isFirst = this.#tail === "" || /[\s([{“"«'-]$/u.test(this.#tail)
    this.#give(isFirst || /^[°²³′,.]/.test(words) ? words : ` ${words}`)
    this.#spoke = true
  }

  #begin(unit: string) {
    const tail = this.#tail
    const last = tail.charCodeAt(tail.length - 1)
    const isText = unit === "^"
      ? tail === "" || !Chars.isWord(last) && !/[)}|°′]$/.test(tail)
      : unit === "$" && tail !== "" && (Chars.isWord(last) || last === 0x24)
    if (isText || Address.endsIn(tail)) return this.#give(unit)
    this.#held = unit
    this.#formula = undefined
  }

  /** Takes one more unit of what is held; false if it is of what follows. */
  #take(unit: string): boolean {
    switch (this.#held[0]) {
      case "$":
        return this.#takeDollar(unit)
      case "^":
        return this.#takePower(unit)
      default:
        return this.#takeCommand(unit)
    }
  }

  /** What is held is text, as it is. */
  #release(text = this.#held) {
    this.#held = ""
    this.#formula = undefined
    this.#give(text)
  }

  #speak(formula: string) {
    this.#held = ""
    this.#formula = undefined
    this.#say(speak(formula, this.#words))
  }

  #takeDollar(unit: string): boolean {
    const held = this.#held
    if (held === "$" && unit === "$") {
      this.#held = "$$"
      return true
    }
    const marks = held.startsWith("$$") ? "$$" : "$"
    const inner = held.slice(marks.length)
    if (inner.endsWith("$")) {
      const formula = inner.slice(0, -1)
      if (marks === "$$") {
        if (unit !== "$") return this.#release(), false
        if (isFormula(formula)) return this.#speak(formula), true
        return this.#release(held + unit), true
      }
      // Prices: "$5-$10", "$A to $B".
      if (Chars.isWord(unit.charCodeAt(0)) || /\s\$$/.test(inner) || !isFormula(formula)) {
        this.#release(held.slice(0, -1))
        this.#begin("$")
        return false
      }
      return this.#speak(formula), false
    }
    if (unit === "$") {
      this.#held += unit
      return true
    }
    this.#formula ??= new Formula(marks === "$")
    const isBlank = inner === "" && marks === "$" && /[\s\d]/.test(unit) && /\s/.test(unit)
    const isNewLine = unit === "\n" && (marks === "$" || inner.endsWith("\n"))
    if (isBlank || isNewLine || inner.length >= (marks === "$" ? longest : longestBlock) || !this.#formula.push(unit)) {
      return this.#release(), false
    }
    this.#held += unit
    return true
  }

  #takePower(unit: string): boolean {
    const held = this.#held
    const isOpen = held.startsWith("^{")
    const goesOn = isOpen
      ? !held.endsWith("}")
      : held === "^"
      ? /[\d{a-zA-Z\-−\\°]/.test(unit)
      : /^\^[-−]?\d*$/.test(held)
      ? /\d/.test(unit) || /^\^[-−]$/.test(held) && /[a-zA-Z]/.test(unit)
      : /^\^[-−]?[a-zA-Z]+$/.test(held) || held.startsWith("^\\")
      ? /[a-zA-Z]/.test(unit)
      : false
    if (!goesOn) return this.#finishPower(), false
    if (held.length > longestName * 2 || unit === "\n") return this.#release(), false
    this.#held += unit
    return true
  }

  #finishPower() {
    const exponent = this.#held.slice(1).replace(/^\{(.*)\}?$/s, (_, inner: string) => inner.replace(/\}$/, ""))
    if (exponent === "" || /^[-−{]$/.test(exponent)) return this.#release()
    this.#held = ""
    const kind = raised(this.#tail, exponent)
    if (kind === "note") return
    if (kind === "ending") return this.#give(exponent)
    const said = exponent.length === 1 ? exponent : speak(exponent, this.#words)
    this.#say(said === "°" || said === "′" ? said : powerOf(said, this.#words))
  }

  #takeCommand(unit: string): boolean {
    const held = this.#held
    if (held === "\\") {
      // A path: `C:\dir\text`.
      const isPath = /(?::|\p{L}{2})$/u.test(this.#tail)
      if (/[([]/.test(unit) || /[a-zA-Z]/.test(unit) && !isPath) {
        this.#held += unit
        return true
      }
      // `\)` and `\]` that close nothing; `\$` is no formula.
      this.#held = ""
      if (/[)\]$%&]/.test(unit)) return this.#give(unit), true
      if (unit === "," && /\d$/.test(this.#tail)) return true
      return this.#give("\\"), this.#literally(unit)
    }
    const block = /^\\(?:([([])|begin\{)/.exec(held)
    if (block !== null) return block[1] === undefined ? this.#takeEnvironment(unit) : this.#takeBlock(unit, block[1])
    const name = /^\\([a-zA-Z]+)/.exec(held)![1]!
    if (held.length === name.length + 1 && /[a-zA-Z]/.test(unit) && name.length < longestName) {
      this.#held += unit
      return true
    }
    if (name === "begin" && unit === "{") {
      this.#held += unit
      return true
    }
    const wanted = argumentsOf(name)
    if (wanted === undefined) return this.#release(), false
    const rest = held.slice(name.length + 1)
    if (wanted === 0) {
      if (held.length >= longest || !scripts.test(rest + unit)) return this.#speak(held), false
      this.#held += unit
      return true
    }
    if (!goesOnWith(rest, unit, wanted)) {
      return isWhole(rest, wanted) ? this.#speak(held) : this.#release(), false
    }
    if (held.length >= longest) return this.#release(), false
    this.#held += unit
    return true
  }

  /** A backslash stands for itself: what follows may still begin something. */
  #literally(unit: string): boolean {
    if (unit !== "\\") return false
    this.#give(unit)
    return true
  }

  #takeBlock(unit: string, opener: string): boolean {
    const closer = opener === "(" ? "\\)" : "\\]"
    const held = this.#held + unit
    const inner = held.slice(2)
    if (inner.endsWith(closer)) return this.#speak(inner.slice(0, -2)), true
    this.#formula ??= new Formula(false)
    const isEmptyLine = unit === "\n" && this.#held.endsWith("\n")
    if (isEmptyLine || held.length > longestBlock || !this.#formula.push(unit)) {
      // A bracket that was escaped for Markdown.
      this.#release(this.#held.slice(1))
      return false
    }
    this.#held = held
    return true
  }

  #takeEnvironment(unit: string): boolean {
    const held = this.#held + unit
    const name = /^\\begin\{([a-zA-Z]{1,20}\*?)\}/.exec(held)?.[1]
    if (name !== undefined && held.endsWith(`\\end{${name}}`)) return this.#speak(held), true
    if (held.length > longestBlock || unit === "\n" && name === undefined) return this.#speak(this.#held), false
    this.#held = held
    return true
  }

  /** The text is over. */
  #finish() {
    const held = this.#held
    if (held[0] === "^") return this.#finishPower()
    if (held[0] === "$") {
      const inner = /^\$([^$]+)\$$/s.exec(held)?.[1]
      return inner === undefined || !isFormula(inner) || /^\s|\s$/.test(inner) ? this.#release() : this.#speak(inner)
    }
    const name = /^\\([a-zA-Z]+)/.exec(held)?.[1]
    if (name === "begin") return this.#speak(held)
    const wanted = name === undefined ? undefined : argumentsOf(name)
    if (wanted !== undefined && isWhole(held.slice(name!.length + 1), wanted)) return this.#speak(held)
    this.#release(/^\\[([]/.test(held) ? held.slice(1) : held)
  }
}

/** How deep the groups are that are open, and how many are whole. */
const groupsOf = (rest: string): { readonly depth: number; readonly whole: number } => {
  let depth = 0
  let whole = 0
  for (let i = 0; i < rest.length; i++) {
    if (rest[i] === "\\") i++
    else if (rest[i] === "{") depth++
    else if (rest[i] === "}" && depth > 0 && --depth === 0) whole++
  }
  return { depth, whole }
}

const isWhole = (rest: string, wanted: number): boolean => {
  const { depth, whole } = groupsOf(rest)
  return depth === 0 && whole >= wanted || /^\d+$/.test(rest) && rest.length >= wanted
}

/** Whether what follows a command may go on with a unit. */
const goesOnWith = (rest: string, unit: string, wanted: number): boolean => {
  const { depth, whole } = groupsOf(rest)
  if (depth > 0) return depth <= mostNested
  if (whole >= wanted) return false
  if (/^\[[^\]]{0,20}$/.test(rest)) return unit !== "\n"
  return unit === "{" || rest === "" && unit === "[" || /^\d*$/.test(rest) && /\d/.test(unit) && rest.length < wanted
}

export const open = (language?: string): Run => new Reader(mathWords(language))
