/** The keys of a telephone, and what of a text is one. */

/** Each at the place of its code (RFC 4733, 3.2). */
const keys = "0123456789*#ABCD"

export const isKey = (character: string): boolean => character.length === 1 && keys.includes(character)

export const codeOf = (key: string): number => keys.indexOf(key)

/** The keys that somebody has pressed, as they are told of: by a text, or, where it has none, by a code alone. */
export const keysOf = (text: string, code: number): ReadonlyArray<string> => {
  const pressed = [...text].filter(isKey)
  const key = keys[code]
  return pressed.length > 0 || key === undefined ? pressed : [key]
}
