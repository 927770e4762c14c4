/**
 * Times of words from times of characters, for text that is known.
 *
 * The times of a provider are only hints: at ElevenLabs times count from the beginning of a piece of audio that
 * may be one message or several, an alignment may come twice, the second time longer, or not at
 * all, and words are cut at messages. So the characters are looked for in the text that was sent,
 * and that text is what is told, each character once. A character without a time of its own gets
 * the time between its neighbours.
 */
import type * as Tts from "../../Tts.ts"

/** Characters with their times in ms, as they come. */
export interface Alignment {
  readonly chars: ReadonlyArray<string>
  readonly charStartTimesMs: ReadonlyArray<number>
  readonly charDurationsMs: ReadonlyArray<number>
}

/** A word with the space around it: `first` and `last` are its own ends in the text. */
interface Token {
  readonly from: number
  readonly to: number
  readonly first: number
  readonly last: number
}

/** Characters that must agree before a place in the text is believed, where it is not the expected one. */
const enough = 4

/** Characters around the expected place in which a message is looked for. */
const reach = 400

const isSpace = (char: string) => char.trim() === ""

/** What a provider's times are like. */
export interface Kind {
  /** Characters that have no time of their own; they are told with the ones before. @default white space */
  readonly isSilent?: ((char: string) => boolean) | undefined
  /** Times count from the beginning of the audio, whatever message they come in. @default false */
  readonly absolute?: boolean | undefined
}

export class Aligner {
  readonly #isSilent: (char: string) => boolean
  readonly #absolute: boolean
  #text = ""
  readonly #tokens: Array<Token> = []
  /** Tokens that were told. */
  #told = 0
  /** Where the next character without a time is. */
  #known = 0
  readonly #starts: Array<number | undefined> = []
  readonly #ends: Array<number | undefined> = []
  /** Where the times of the messages count from. */
  #base = 0
  #lastRaw = -1
  #lastStart = 0
  #lastEnd = 0

  constructor({ absolute = false, isSilent = isSpace }: Kind = {}) {
    this.#isSilent = isSilent
    this.#absolute = absolute
  }

  /** Text that was sent; a word does not go on in the next one. */
  append(text: string): void {
    const offset = this.#text.length
    for (const { 0: token, index } of text.matchAll(/^\s*\S+\s*|\S+\s*/g)) {
      const from = offset + index
      this.#tokens.push({
        from,
        to: from + token.length,
        first: from + token.length - token.trimStart().length,
        last: from + token.trimEnd().length - 1
      })
    }
    this.#text += text
  }

  /** What is known of words whose audio has come, with a message after `beforeMs` of audio that brings it to `afterMs`. */
  push(alignment: Alignment | undefined, beforeMs: number, afterMs: number): ReadonlyArray<Tts.TimedText> {
    if (alignment !== undefined) this.#read(alignment, beforeMs)
    return this.#tell(afterMs)
  }

  /** All that was not told yet, when the audio has ended. */
  end(totalMs: number): ReadonlyArray<Tts.TimedText> {
    const told = this.#tell(Infinity, totalMs)
    const next = this.#tokens[this.#told]
    if (next === undefined) return told
    this.#told = this.#tokens.length
    const start = Math.min(this.#lastEnd, totalMs)
    return [...told, { text: this.#text.slice(next.from), start, end: Math.max(start, totalMs) }]
  }

  #read({ charDurationsMs, charStartTimesMs, chars }: Alignment, beforeMs: number): void {
    const spoken = chars.flatMap((char, i) => {
      const start = charStartTimesMs[i]
      return this.#isSilent(char) || start === undefined
        ? []
        : [{ char, start, end: start + (charDurationsMs[i] ?? 0) }]
    })
    const [first] = spoken
    const raw = charStartTimesMs[0] ?? 0
    const again = !this.#absolute && (raw < this.#lastRaw || (raw === 0 && this.#lastRaw >= 0))
    this.#lastRaw = charStartTimesMs.at(-1) ?? this.#lastRaw
    if (first === undefined) {
      if (again) this.#base = beforeMs
      return
    }
    const place = this.#find(spoken.map(({ char }) => char))
    if (place === undefined) return
    const before = this.#starts[place]
    if (!this.#absolute && place < this.#known && before !== undefined) this.#base = before - first.start
    else if (again) this.#base = beforeMs
    if (place > this.#known) this.#fill(place, this.#base + first.start)
    let at = place
    for (const { char, end, start } of spoken) {
      at = this.#skip(at)
      if (!this.#text.startsWith(char, at)) break
      if (at >= this.#known) {
        for (let i = at; i < at + char.length; i++) {
          this.#starts[i] = this.#base + start
          this.#ends[i] = this.#base + end
        }
        this.#known = at + char.length
      }
      at += char.length
    }
  }

  #skip(at: number): number {
    while (at < this.#text.length && this.#isSilent(this.#text.charAt(at))) at++
    return at
  }

  /** The first and the last character of a word that have times of their own; none of signs alone. */
  #sounding({ first, last }: Token): readonly [first: number, last: number] {
    let from = first
    let to = last
    while (from <= last && this.#isSilent(this.#text.charAt(from))) from++
    while (to >= first && this.#isSilent(this.#text.charAt(to))) to--
    return from > to ? [-1, -1] : [from, to]
  }

  #matches(chars: ReadonlyArray<string>, from: number): boolean {
    let at = from
    for (const char of chars) {
      at = this.#skip(at)
      if (!this.#text.startsWith(char, at)) return false
      at += char.length
    }
    return true
  }

  /** Where in the text the characters are: where they are expected, again, or later. */
  #find(chars: ReadonlyArray<string>): number | undefined {
    const head = chars.slice(0, 16)
    const expected = this.#skip(this.#known)
    if (this.#matches(head, expected)) return expected
    if (head.length >= enough) {
      const begin = this.#tokens[this.#told]?.first ?? this.#known
      for (const { first } of this.#tokens.toReversed()) {
        if (first <= this.#known && first >= begin - reach && this.#matches(head, first)) return first
      }
      for (let at = expected + 1; at < Math.min(this.#text.length, expected + reach); at++) {
        if (!this.#isSilent(this.#text.charAt(at)) && this.#matches(head, at)) return at
      }
    }
    return this.#text.startsWith(chars[0] ?? "", expected) ? expected : undefined
  }

  /** Gives the characters that were left out the time up to `until`. */
  #fill(place: number, until: number): void {
    const from = Math.max(0, ...this.#ends.slice(-1).map((end) => end ?? 0))
    const step = Math.max(0, until - from) / (place - this.#known)
    for (let i = this.#known; i < place; i++) {
      this.#starts[i] = from + step * (i - this.#known)
      this.#ends[i] = from + step * (i - this.#known + 1)
    }
    this.#known = place
  }

  #tell(audioMs: number, mostMs = audioMs): ReadonlyArray<Tts.TimedText> {
    const told: Array<Tts.TimedText> = []
    const known = this.#known === 0 ? 0 : this.#skip(this.#known)
    for (;;) {
      const token = this.#tokens[this.#told]
      if (token === undefined || token.last >= known) return told
      const [first, last] = this.#sounding(token)
      const end = this.#ends[last] ?? this.#lastEnd
      if (end > audioMs) return told
      const from = this.#starts[first] ?? this.#lastEnd
      const start = Math.min(mostMs, Math.max(this.#lastStart, from))
      this.#lastStart = start
      this.#lastEnd = Math.max(start, Math.min(mostMs, end))
      told.push({ text: this.#text.slice(token.from, token.to), start, end: this.#lastEnd })
      this.#told++
    }
  }
}
