/** A text that is cut. */
import { isHighSurrogate } from "./chars.ts"

/** The first characters of a text, and no half of one. */
export const head = (text: string, characters: number): string =>
  text.slice(0, isHighSurrogate(text.charCodeAt(characters - 1)) ? characters - 1 : characters)

/** The same for a person, who sees that there was more. */
export const shortened = (text: string, characters: number): string =>
  text.length > characters ? `${text.slice(0, characters)}…`.toWellFormed() : text
