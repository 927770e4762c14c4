/** Parts of Markdown whose text stays as it is: code in a line, and code between fences. */
import { fenceEnd } from "./lineStarts.ts"
import { backtick, newline } from "./units.ts"

const ticks = (length: number): string => "`".repeat(length)

/** Code between backticks, up to a length; without its end it is text. */
export class CodeSpan {
  readonly #longest: number
  #code = ""
  #ticks = 0
  #closing = 0

  constructor(longest: number) {
    this.#longest = longest
  }

  begin(length: number) {
    this.#code = ""
    this.#ticks = length
    this.#closing = 0
  }

  /** False if the unit stands behind the end of it. */
  push(unit: number): boolean {
    if (unit === backtick) {
      this.#closing++
      return true
    }
    if (this.#closing === this.#ticks || unit === newline) return false
    this.#code += ticks(this.#closing) + String.fromCharCode(unit)
    this.#closing = 0
    return true
  }

  get isTooLong(): boolean {
    return this.#code.length > this.#longest
  }

  /** What is said of it. */
  end(): string {
    const code = this.#code
    if (this.#closing !== this.#ticks) return ticks(this.#ticks) + code + ticks(this.#closing)
    return code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "" ? code.slice(1, -1) : code
  }
}

/** Lines between fences. */
export class Fence {
  readonly #longest: number
  #mark = ""
  /** The beginning of a line that may be the end; `undefined` in the middle of another. */
  #line: string | undefined = ""

  constructor(longest: number) {
    this.#longest = longest
  }

  begin(mark: string) {
    this.#mark = mark
    this.#line = ""
  }

  #isEnd(): boolean {
    return fenceEnd.exec(this.#line ?? "x")?.[1]?.startsWith(this.#mark) === true
  }

  /** What is said; `undefined` where the fence ends. */
  push(unit: number): string | undefined {
    const character = String.fromCharCode(unit)
    if (unit === newline) {
      const text = this.#isEnd() ? undefined : (this.#line ?? "") + character
      this.#line = ""
      return text
    }
    if (this.#line === undefined) return character
    this.#line += character
    if (this.#line.length <= this.#longest && fenceEnd.test(this.#line)) return ""
    const line = this.#line
    this.#line = undefined
    return line
  }

  end(): string {
    return this.#isEnd() ? "" : this.#line ?? ""
  }
}
