/** A text that is cut. */
import { isHighSurrogate } from "./chars.ts"

/** The first characters of a text, and no half of one. */
export const head = (text: string, characters: number): string =>
  text.slice(0, isHighSurrogate(text.charCodeAt(characters - 1)) ? characters - 1 : characters)
