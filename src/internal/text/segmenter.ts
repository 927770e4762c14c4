/**
 * Cuts a text that comes in pieces where a sentence ends, so that a voice can
 * begin before the model has finished. The rules of a language are in its lexicon.
 */
import * as Abbreviations from "./abbreviations.ts"
import * as Chars from "./chars.ts"
import type { Lexicon } from "./lexicon.ts"
import { cutOf } from "./overlong.ts"

/** Where the reader stands: `gap` is the space after a stop, `starter` the word after an ambiguous abbreviation, `joined` a capital directly after a stop. */
type Phase = "text" | "stop" | "gap" | "starter" | "joined"

type Doubt = Abbreviations.Doubt

const window = Abbreviations.reach
const longestStarter = 12
/** Of a stop: one that goes on, as that of somebody who cannot stop shouting, has ended its sentence. */
const longestStop = 32

export interface Limits {
  readonly first: number
  readonly min: number
  readonly max: number
}

/**
 * Finds the ends of sentences one code unit at a time. It looks at each unit
 * once and remembers a bounded number of them, so its time is linear and its
 * answer cannot depend on how the text was cut. Positions count code units
 * from the start of the text.
 */
export class Segmenter {
  readonly #lexicon: Lexicon
  readonly #limits: Limits
  readonly #recent = new Uint16Array(window)

  #pending = ""
  #origin = 0
  #cuts: Array<number> = []
  #at = 0

  #isFirst = true
  #contentStart = -1
  #contentEnd = 0
  #firstWord = -1
  #lastClause = -1
  #lastSpace = -1

  #phase: Phase = "text"
  #stop = Chars.dot
  #stopLength = 0
  #hasCloser = false
  #doubt: Doubt = "none"
  #candidate = 0
  #candidateEnd = 0
  #starter = ""
  /** The small letter before a full stop. */
  #abbreviated = ""
  /** Letters of the word so far; NaN where it is made of anything else, as an address is. */
  #letters = 0
  #isLowerCase = true

  #depth = 0
  #isQuoted = false
  #isSpaced = false
  #isLineBound = false
  #lines = 0
  #lineStart = 0
  #contentKind = Chars.space

  constructor(lexicon: Lexicon, limits: Limits) {
    this.#lexicon = lexicon
    this.#limits = limits
  }

  readonly push = (chunk: string): ReadonlyArray<string> => {
    this.#pending += chunk
    for (let i = 0; i < chunk.length; i++) this.#feed(chunk.charCodeAt(i))
    return this.#release()
  }

  readonly end = (): ReadonlyArray<string> => {
    if (this.#phase === "starter") this.#decideStarter()
    if (this.#phase === "joined") this.#decideJoined(Chars.none, Chars.none)
    const pieces = this.#release()
    const rest = this.#pending
    this.#reset()
    return rest.trim() === "" ? pieces : [...pieces, rest]
  }

  #reset() {
    this.#pending = ""
    this.#origin = this.#at = 0
    this.#isFirst = true
    this.#contentStart = this.#firstWord = -1
    this.#lastClause = this.#lastSpace = -1
    this.#contentEnd = 0
    this.#phase = "text"
    this.#depth = this.#lines = 0
    this.#lineStart = this.#letters = 0
    this.#isQuoted = this.#isSpaced = this.#isLineBound = false
    this.#contentKind = Chars.space
    this.#recent.fill(0)
  }

  #release(): ReadonlyArray<string> {
    if (this.#cuts.length === 0) return []
    const pieces: Array<string> = []
    let from = 0
    for (const cut of this.#cuts) {
      pieces.push(this.#pending.slice(from, cut - this.#origin))
      from = cut - this.#origin
    }
    this.#pending = this.#pending.slice(from)
    this.#origin += from
    this.#cuts = []
    return pieces
  }

  #feed(unit: number) {
    const kind = Chars.kindAfter(this.#before(this.#at), unit)
    if (this.#phase === "starter") {
      if (Chars.isWord(unit) && this.#starter.length < longestStarter) {
        this.#starter += String.fromCharCode(unit)
      } else {
        this.#decideStarter(unit)
      }
    }
    if (this.#phase === "joined") this.#decideJoined(unit, kind)
    if (kind === Chars.space || kind === Chars.newline) {
      this.#feedSpace(kind)
      this.#letters = 0
    } else {
      this.#feedContent(unit, kind)
    }
    this.#recent[this.#at % window] = unit
    this.#at++
    if (this.#contentEnd === this.#at) this.#splitOverlong()
  }

  #feedSpace(kind: number) {
    this.#isSpaced = true
    if (this.#phase === "stop" || this.#phase === "gap") {
      if (kind === Chars.newline) {
        this.#phase = "text"
        if (this.#doubt === "never") {
          this.#isLineBound = true
        } else {
          this.#boundary(this.#at + 1, this.#contentEnd)
        }
      } else if (this.#phase === "stop") {
        this.#phase = "gap"
        if (!this.#isOpen() && (this.#stop > Chars.strong || this.#doubt === "none" && !this.#hasCloser)) {
          this.#phase = "text"
          this.#boundary(this.#at + 1, this.#contentEnd)
        }
      }
    }
    if (kind === Chars.newline) {
      this.#lines++
      if (this.#lines > 1) {
        this.#boundary(this.#at + 1, this.#contentEnd)
        this.#depth = 0
        this.#isQuoted = this.#isLineBound = false
      }
    }
  }

  #feedContent(unit: number, kind: number) {
    const isAbsorbed = this.#phase === "stop"
      ? this.#continueStop(unit, kind)
      : this.#phase === "gap"
      ? this.#leaveGap(unit, kind)
      : false
    if (this.#phase === "text" && this.#lines > 0 && !this.#isLineBound && kind !== Chars.lower) {
      this.#boundary(this.#at, this.#contentEnd)
    }
    this.#note(unit, kind)
    if (!isAbsorbed) {
      this.#open(kind)
    } else if (this.#stop === Chars.full && this.#hasCloser && !this.#isOpen() || ++this.#stopLength > longestStop) {
      this.#phase = "text"
      this.#boundary(this.#at + 1, this.#at + 1)
    }
  }

  /** Directly after a stop: true if the unit still belongs to it. */
  #continueStop(unit: number, kind: number): boolean {
    switch (kind) {
      case Chars.dot:
      case Chars.strong:
      case Chars.wide:
      case Chars.full:
        this.#stop = Math.max(this.#stop, kind)
        this.#doubt = this.#stop === Chars.dot ? "slight" : "none"
        return true
      case Chars.closer:
        this.#depth = Math.max(0, this.#depth - 1)
        this.#doubt = this.#doubt === "ambiguous" ? "slight" : this.#doubt
        this.#hasCloser = true
        return true
      case Chars.quote:
        this.#isQuoted = !this.#isQuoted
        this.#hasCloser = true
        return true
      case Chars.trail:
        this.#hasCloser = true
        return true
    }
    this.#phase = "text"
    if (this.#stop > Chars.strong || this.#stop === Chars.strong && Chars.isUnspaced(unit)) {
      this.#boundary(this.#at, this.#contentEnd)
    } else if (kind === Chars.letter && this.#isJoinable()) {
      this.#phase = "joined"
      this.#starter = String.fromCharCode(unit)
      this.#candidate = this.#at
      this.#candidateEnd = this.#contentEnd
    }
    return false
  }

  /** Whether a sentence may end here without a space: after a word, and not within a name. */
  #isJoinable(): boolean {
    const isWord = this.#stop === Chars.strong || this.#isLowerCase && this.#doubt !== "ambiguous"
    return isWord && this.#letters > 1 && !this.#hasCloser && !this.#isOpen() &&
      (this.#doubt === "none" || this.#doubt === "slight")
  }

  /** A capital and small letters are the next sentence, unless they are a part of an address: "jo.Smith@x.org". */
  #decideJoined(unit: number, kind: number) {
    if (kind === Chars.lower && this.#starter.length < longestStarter) {
      this.#starter += String.fromCharCode(unit)
      return
    }
    this.#phase = "text"
    if (unit !== 0x40 && (kind === Chars.space || this.#starter.length > 1)) {
      this.#boundary(this.#candidate, this.#candidateEnd)
      this.#letters = this.#starter.length
      this.#isLowerCase = false
    }
  }

  /** The first content after a stop and spaces: true if the stop goes on with it. */
  #leaveGap(unit: number, kind: number): boolean {
    if (kind === Chars.closer || kind >= Chars.dot && kind <= Chars.full) {
      this.#phase = "stop"
      return this.#continueStop(unit, kind)
    }
    this.#phase = "text"
    if (kind === Chars.clause || kind === Chars.wideClause) return false
    if (kind === Chars.lower && this.#stop <= Chars.strong && (this.#doubt !== "none" || this.#hasCloser)) {
      return false
    }
    if ((this.#doubt === "numeric" || this.#doubt === "letter") && Abbreviations.beginsNumber(unit)) return false
    const isAsked = this.#doubt === "ambiguous" || this.#doubt === "letter" || this.#doubt === "numeric"
    if (isAsked && kind === Chars.letter) {
      this.#phase = "starter"
      this.#candidate = this.#at
      this.#candidateEnd = this.#contentEnd
      this.#starter = String.fromCharCode(unit)
    } else if (
      this.#doubt === "none" || this.#doubt === "slight" || this.#doubt === "letter" ||
      this.#doubt === "numeric" && kind !== Chars.digit
    ) {
      this.#boundary(this.#at, this.#contentEnd)
    }
    return false
  }

  /** The word behind a stop is there, up to `next`: it says whether a sentence begins with it. */
  #decideStarter(next = Chars.none) {
    this.#phase = "text"
    if (Abbreviations.mayBegin(this.#starter, this.#doubt, this.#abbreviated, next, this.#lexicon)) {
      this.#boundary(this.#candidate, this.#candidateEnd)
    }
  }

  #open(kind: number) {
    switch (kind) {
      case Chars.dot:
        return this.#beginStop(kind, this.#readDoubt())
      case Chars.strong:
      case Chars.wide:
        return this.#beginStop(kind, "none")
      case Chars.full:
        return this.#isOpen() ? this.#beginStop(kind, "none") : this.#boundary(this.#at + 1, this.#at + 1)
      case Chars.opener:
        this.#depth++
        return
      case Chars.closer:
        this.#depth = Math.max(0, this.#depth - 1)
        return
      case Chars.quote:
        this.#isQuoted = !this.#isQuoted
        return
    }
  }

  #beginStop(kind: number, doubt: Doubt) {
    this.#phase = "stop"
    this.#stop = kind
    this.#stopLength = 1
    this.#doubt = doubt
    this.#hasCloser = false
  }

  #isOpen(): boolean {
    return this.#depth > 0 || this.#isQuoted
  }

  #readDoubt(): Doubt {
    const before = (at: number): number => this.#before(at)
    const word = Abbreviations.wordBefore(before, this.#at)
    this.#abbreviated = word.length === 1 ? word.toLowerCase() : ""
    return Abbreviations.doubtOf(word, before, this.#at, this.#lineStart, this.#lexicon)
  }

  /** The code unit before a place that is near. */
  #before(at: number): number {
    return this.#recent[(at - 1) % window] ?? 0
  }

  /** A letter after a stop without a space is that of a name. */
  #countLetter(unit: number, kind: number) {
    const isStop = kind === Chars.dot || kind === Chars.strong
    const isAfterStop = this.#contentKind === Chars.dot || this.#contentKind === Chars.strong
    if ((kind === Chars.lower || kind === Chars.letter) && (this.#letters === 0 || !isAfterStop)) {
      this.#isLowerCase = kind === Chars.lower && (this.#letters === 0 || this.#isLowerCase)
      this.#letters++
    } else if (!isStop && unit !== 0x27 && unit !== 0x2019) {
      this.#letters = Number.NaN
    }
  }

  #note(unit: number, kind: number) {
    this.#countLetter(unit, kind)
    if (this.#isSpaced || this.#contentKind === Chars.wideClause) {
      this.#lastSpace = this.#at
      if (this.#contentKind === Chars.clause || this.#contentKind === Chars.wideClause) {
        this.#lastClause = this.#at
      }
    }
    if (this.#lines > 0 || this.#contentKind === Chars.space) {
      this.#lineStart = this.#at
    }
    if (this.#contentStart === -1) this.#contentStart = this.#at
    if (this.#firstWord === -1 && (Chars.isWord(unit) || Chars.isHighSurrogate(unit))) {
      this.#firstWord = this.#at
    }
    this.#isSpaced = this.#isLineBound = false
    this.#lines = 0
    this.#contentKind = kind
    this.#contentEnd = this.#at + 1
  }

  /** Ends a piece at `cut` if what it holds, up to `end`, can be spoken and is long enough. */
  #boundary(cut: number, end: number) {
    const min = this.#isFirst ? this.#limits.first : this.#limits.min
    if (this.#firstWord !== -1 && this.#firstWord < cut && end - this.#contentStart >= min) {
      this.#cut(cut)
    }
  }

  #cut(cut: number) {
    this.#cuts.push(cut)
    this.#isFirst = false
    this.#contentStart = this.#firstWord = cut < this.#at ? cut : -1
    this.#lastClause = this.#lastClause > cut ? this.#lastClause : -1
    this.#lastSpace = this.#lastSpace > cut ? this.#lastSpace : -1
  }

  #splitOverlong() {
    const { max } = this.#limits
    while (this.#contentEnd - this.#contentStart > max) {
      const cut = cutOf({
        start: this.#contentStart,
        end: this.#contentEnd,
        firstWord: this.#firstWord,
        lastClause: this.#lastClause,
        lastSpace: this.#lastSpace,
        last: this.#before(this.#contentEnd)
      }, max)
      if (cut <= this.#contentStart) return
      this.#cut(cut)
    }
  }
}
