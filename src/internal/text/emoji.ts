/**
 * Takes emoji out of a text that comes in pieces, however it is cut: text that may become one waits
 * for the next piece, and the end gives it. It holds a few code units.
 */
import * as Chars from "./chars.ts"
import type { Run } from "./transform.ts"

const variationSelector = 0xfe0f
const keycap = 0x20e3
const joiner = 0x200d
/** The keycap that has no digits of its own. */
const ten = 0x1f51f

/** Pictographs that are read as text: ©, ®, ™, ‼, ⁉ and the circled ideographs. */
const spoken = /^[©®™‼⁉㊗㊙]$/u
const pictograph = /^[\p{Extended_Pictographic}\p{Emoji_Presentation}\p{Emoji_Modifier}\p{Regional_Indicator}]$/u

const isEmoji = (character: string, code: number): boolean =>
  code > joiner && pictograph.test(character) && !spoken.test(character)

const isTag = (code: number): boolean => code >= 0xe0020 && code <= 0xe007f

const isPlain = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= joiner) {
      return false
    }
  }
  return true
}

export const open = (): Run => {
  let held = ""
  let follows = false
  const push = (chunk: string): string => {
    if (chunk === "") {
      return ""
    }
    if (held === "" && isPlain(chunk)) {
      follows = false
      return chunk
    }
    let text = held + chunk
    held = ""
    if (Chars.isHighSurrogate(text.charCodeAt(text.length - 1))) {
      held = text.slice(-1)
      text = text.slice(0, -1)
    }
    let out = ""
    for (const character of text) {
      const code = character.codePointAt(0) ?? 0
      if (code === variationSelector || code === keycap || follows && (code === joiner || isTag(code))) {
        continue
      }
      if (code === ten) out += "10"
      follows = isEmoji(character, code)
      if (!follows) {
        out += character
      }
    }
    return out
  }
  return {
    push,
    end: () => {
      const rest = held
      held = ""
      follows = false
      return rest
    }
  }
}
