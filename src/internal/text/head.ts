/** A text that is cut. */

/** The first characters of a text, and no half of one. */
export const head = (text: string, characters: number): string =>
  text.slice(0, isHigh(text.charCodeAt(characters - 1)) ? characters - 1 : characters)

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
