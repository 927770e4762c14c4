/** Says a formula that is written as TeX has it: total, and nothing of its marks is left. */
import type { MathWords } from "./mathWords.ts"

/** Commands that stand for a sign or a word of their own. */
const greek =
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
const functions = "sin cos tan cot sec csc sinh cosh tanh log ln lg exp lim max min sup inf det dim gcd mod arg deg ker"

export const functionNames: ReadonlySet<string> = new Set(functions.split(" "))

const named: ReadonlySet<string> = new Set([...greek.split(" "), ...functionNames])

const signs: ReadonlyMap<string, keyof MathWords> = new Map([
  ["times", "times"],
  ["cdot", "times"],
  ["ast", "times"],
  ["div", "over"],
  ["pm", "plusMinus"],
  ["le", "most"],
  ["leq", "most"],
  ["leqslant", "most"],
  ["ge", "least"],
  ["geq", "least"],
  ["geqslant", "least"],
  ["lt", "less"],
  ["gt", "more"],
  ["ne", "unequal"],
  ["neq", "unequal"],
  ["approx", "about"],
  ["sim", "about"],
  ["equiv", "equals"],
  ["infty", "infinity"],
  ["sum", "sum"],
  ["int", "integral"]
])

const operators: ReadonlyMap<string, keyof MathWords> = new Map([
  ["+", "plus"],
  ["*", "times"],
  ["×", "times"],
  ["·", "times"],
  ["/", "over"],
  ["÷", "over"],
  ["=", "equals"],
  ["<", "less"],
  [">", "more"],
  ["≤", "most"],
  ["≥", "least"],
  ["≠", "unequal"],
  ["≈", "about"],
  ["±", "plusMinus"],
  ["∞", "infinity"]
])

/** What is read as it stands. */
const characters: ReadonlyMap<string, string> = new Map([
  ["to", "→"],
  ["rightarrow", "→"],
  ["Rightarrow", "→"],
  ["implies", "→"],
  ["degree", "°"],
  ["circ", "°"],
  ["ldots", "…"],
  ["dots", "…"],
  ["cdots", "…"],
  ["prime", "′"],
  ["in", "∈"],
  ["partial", "∂"],
  ["cup", "∪"],
  ["cap", "∩"],
  ["quad", " "],
  ["qquad", " "],
  ["left", ""],
  ["right", ""],
  ["big", ""],
  ["Big", ""],
  ["bigg", ""],
  ["Bigg", ""],
  ["limits", ""],
  ["displaystyle", ""],
  ["hline", ""],
  ["langle", ""],
  ["rangle", ""],
  ["lfloor", ""],
  ["rfloor", ""],
  ["lceil", ""],
  ["rceil", ""],
  ["mid", " "],
  ["euro", "€"],
  ["pounds", "£"],
  ["newline", " "]
])

/** Commands of one argument that is said alone. */
const wrappers: ReadonlySet<string> = new Set(
  ("text textbf textit textrm texttt emph mathrm mathbf mathit mathsf mathtt mathbb mathcal mathfrak operatorname boxed hat " +
    "bar vec tilde overline underline widehat dot ddot mbox hbox ce").split(" ")
)

const fractions: ReadonlySet<string> = new Set(["frac", "dfrac", "tfrac", "cfrac"])

/** How many arguments a command takes; `undefined` of one that is not known. */
export const argumentsOf = (command: string): number | undefined =>
  fractions.has(command) || command === "binom"
    ? 2
    : command === "sqrt" || wrappers.has(command)
    ? 1
    : signs.has(command) || characters.has(command) || named.has(command.toLowerCase())
    ? 0
    : undefined

// Groups within one another: what is deeper is said without its marks.
const deepest = 20

class Speaker {
  readonly #text: string
  readonly #words: MathWords
  readonly #depth: number
  #at = 0
  #out = ""
  /** Behind a sum or an integral stand its bounds. */
  #bounds = false

  constructor(text: string, words: MathWords, depth: number) {
    this.#text = text
    this.#words = words
    this.#depth = depth
  }

  say(): string {
    while (this.#at < this.#text.length) this.#next()
    return this.#out.replace(/\s+/g, " ").replace(/ ([,.;:°′)²³])/g, "$1").replace(/\( /g, "(").trim()
  }

  #next() {
    const sign = this.#text[this.#at]!
    if (sign === "\\") return this.#command()
    if (sign === "^") return this.#power()
    if (sign === "{") return this.#word(this.#argument())
    const letters = /^[a-zA-Z]+/.exec(this.#text.slice(this.#at, this.#at + 40))?.[0]
    if (letters !== undefined) {
      this.#at += letters.length
      return this.#word(letters.length === 2 && !functionNames.has(letters) ? `${letters[0]} ${letters[1]}` : letters)
    }
    this.#at++
    const operator = operators.get(sign)
    if (operator !== undefined) return this.#word(this.#words[operator])
    if (sign === "-" || sign === "−") return this.#word(this.#words.minus)
    if (sign === "_") return this.#word(this.#bounds ? `${this.#argument()},` : this.#argument())
    if (sign === "&" || sign === "}" || sign === "$" || sign === "|" || sign === "~") this.#out += " "
    else if (/\d/.test(sign) && /\p{L}$/u.test(this.#out)) this.#out += ` ${sign}`
    else this.#out += sign
  }

  #word(word: string) {
    this.#out += /[([]$/.test(this.#out) ? word : ` ${word}`
    // "2 x + 1", but "f(x)" and "x, y"
    if (/[\p{L}\p{N}+−=<>]$/u.test(word) && !/^[([,.;:!?)\]]/.test(this.#text.slice(this.#at, this.#at + 1))) {
      this.#out += " "
    }
  }

  #command() {
    const name = /^\\([a-zA-Z]+)\*?/.exec(this.#text.slice(this.#at, this.#at + 40))
    if (name === null) {
      const escaped = this.#text[this.#at + 1] ?? ""
      this.#at += 2
      if (escaped === "\\") this.#out += ", "
      else if (/[%#&$_]/.test(escaped)) this.#out += escaped
      // A thin space parts the digits of one number.
      else if (escaped !== "," || !/\d$/.test(this.#out) || !/^\d/.test(this.#text.slice(this.#at))) this.#out += " "
      return
    }
    this.#at += name[0].length
    const command = name[1]!
    if (command === "begin" || command === "end") {
      this.#argument()
      this.#out += " "
    } else if (fractions.has(command)) {
      const above = this.#argument()
      const below = this.#argument()
      this.#word(`${above} ${this.#words.over} ${below}`)
    } else if (command === "sqrt") {
      const degree = /^\s*\[([^\]]{0,20})\]/.exec(this.#text.slice(this.#at, this.#at + 24))
      this.#at += degree?.[0].length ?? 0
      const root = this.#argument()
      this.#word(
        degree === null || degree[1] === "2"
          ? `${this.#words.root} ${root}`
          : degree[1] === "3"
          ? `${this.#words.cubeRoot} ${root}`
          : `${root} ${this.#words.power} 1 ${this.#words.over} ${degree[1]}`
      )
    } else if (wrappers.has(command)) this.#word(this.#plainly())
    else if (signs.has(command)) {
      this.#word(this.#words[signs.get(command)!])
      this.#bounds = command === "sum" || command === "int"
    } else if (command === "lim" || command === "prod") {
      this.#word(command)
      this.#bounds = true
    } else if (characters.has(command)) {
      this.#out += characters.get(command)!
      if (/^(?:left|right)$/.test(command) && this.#text[this.#at] === ".") this.#at++
    } else this.#word(command)
  }

  #power() {
    this.#at++
    const exponent = this.#argument()
    this.#out = this.#out.trimEnd()
    if (this.#bounds) {
      this.#bounds = false
      return this.#word(`${exponent},`)
    }
    if (exponent === "°" || exponent === "′") this.#out += exponent
    else this.#word(powerOf(exponent, this.#words))
  }

  /** What stands in a group, to its end or that of the text; `undefined` where none follows. */
  #group(): string | undefined {
    if (this.#text[this.#at] !== "{") return undefined
    const from = this.#at + 1
    let depth = 0
    for (let at = this.#at; at < this.#text.length; at++) {
      if (this.#text[at] === "\\") at++
      else if (this.#text[at] === "{") depth++
      else if (this.#text[at] === "}" && --depth === 0) {
        this.#at = at + 1
        return this.#text.slice(from, at)
      }
    }
    this.#at = this.#text.length
    return this.#text.slice(from)
  }

  /** A group as it stands, as of `\\text`, unless there is more to say. */
  #plainly(): string {
    const group = this.#group()
    return group === undefined
      ? this.#argument()
      : /[\\^_{]/.test(group)
      ? speakWithin(group, this.#words, this.#depth)
      : group
  }

  /** A group, a command or one sign, said. */
  #argument(): string {
    while (this.#text[this.#at] === " ") this.#at++
    const group = this.#group()
    if (group !== undefined) return speakWithin(group, this.#words, this.#depth)
    const one = /^(?:\\[a-zA-Z]+|\\.|.)/su.exec(this.#text.slice(this.#at, this.#at + 40))?.[0] ?? ""
    this.#at += one.length
    return speakWithin(one, this.#words, this.#depth)
  }
}

const speakWithin = (text: string, words: MathWords, depth: number): string =>
  depth >= deepest ? text.replace(/\\[a-zA-Z]*|[{}^_$]/g, " ").trim() : new Speaker(text, words, depth + 1).say()

export const powerOf = (exponent: string, words: MathWords): string =>
  exponent === "2" ? words.squared : exponent === "3" ? words.cubed : `${words.power} ${exponent}`.trim()

export const speak = (formula: string, words: MathWords): string => speakWithin(formula, words, 0)
