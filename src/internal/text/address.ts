/** Addresses in a text: what they are made of is no markup. */
import * as Chars from "./chars.ts"

/** Beginning of a word that tells whether it is an address. */
const enough = 100

/** A word without the first of these is looked at once, however long it is. */
const isAddressed = (word: string): boolean =>
  word.includes("://") ? /[a-z][a-z0-9+.-]*:\/\//i.test(word) : /(?:^|[^\p{L}\p{N}])www\.|mailto:/iu.test(word)

const after = /[\s.,;:!?)\]"'”’»<]/

/** `(address "title")`; anything else in parentheses is text. */
export const isTarget = (text: string): boolean => {
  const address = text.trim()
  const space = address.search(/\s/)
  return space === -1 || /^\s+["'(]/.test(address.slice(space))
}

/** Whether a text ends in an address. */
export const endsIn = (text: string): boolean => {
  let from = text.length
  while (from > 0 && !Chars.isSpace(text.charCodeAt(from - 1))) from--
  return isAddressed(text.slice(from))
}

/** Whether emphasis may end between an address and what follows it. */
export const mayEndBefore = (unit: number): boolean => after.test(String.fromCharCode(unit))

/** The word that is being written, of a longer one the beginning. */
export class Word {
  #text = ""

  push(text: string): void {
    let from = text.length
    while (from > 0 && !Chars.isSpace(text.charCodeAt(from - 1))) from--
    const rest = text.slice(from, from + enough)
    this.#text = from > 0 ? rest : this.#text.length < enough ? this.#text + rest : this.#text
  }

  reset(): void {
    this.#text = ""
  }

  get isAddress(): boolean {
    return isAddressed(this.#text)
  }
}
