/**
 * What a UTF-16 code unit means to sentences, words and markup.
 *
 * Everything here works on single code units, so that the meaning of a text
 * cannot depend on where a stream cuts it. Halves of surrogate pairs are `other`.
 */

/** No code unit. */
export const none = -1

const other = 0
export const space = 1
export const newline = 2
/** A full stop of the Latin kind: it may also belong to a number, a name or an abbreviation. */
export const dot = 3
export const strong = 4
/** Full-width `！` and `？`: no space follows them. */
export const wide = 5
/** A stop that means nothing else: `。`, the danda. */
export const full = 6
export const opener = 7
export const closer = 8
export const quote = 9
export const clause = 10
export const wideClause = 11
export const lower = 12
export const letter = 13
export const digit = 14
/** What belongs to the stop that it directly follows: an apostrophe, closing markup. */
export const trail = 15

const kindMask = 15
const wordBit = 16
const joinedBit = 32
const unspacedBit = 64
const punctuationBit = 128
const knownBit = 256

const kinds = new Map<string, number>()
const define = (kind: number, characters: string) => {
  for (const character of characters) {
    kinds.set(character, kind)
  }
}
define(newline, "\n\u2028\u2029")
define(dot, ".…．")
define(strong, "!?‽⁇⁈⁉‼؟՞՜\u037e")
define(wide, "！？")
define(full, "。｡।॥۔።។။")
define(opener, "([{«“„‹「『（【《〈［｛〔")
define(closer, ")]}»”›」』）】》〉］｝〕")
define(quote, "\"＂")
define(clause, ",;:،؛")
define(wideClause, "，、；：､")
define(trail, "'’*_`~")

const classify = (unit: number): number => {
  const character = String.fromCharCode(unit)
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff
  let bits = knownBit
  if (!isSurrogate) {
    if (/[\p{L}\p{M}\p{N}]/u.test(character)) {
      bits |= wordBit
    }
    if (
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u.test(
        character
      )
      || /[\p{Script=Myanmar}ー]/u.test(character)
    ) {
      bits |= unspacedBit | joinedBit
    }
    if (/\p{Script=Hangul}/u.test(character)) {
      bits |= joinedBit
    }
    if (/\p{P}/u.test(character)) {
      bits |= punctuationBit
    }
  }
  const special = kinds.get(character)
  if (special !== undefined) {
    return bits | special
  }
  if (/\s/.test(character)) {
    return bits | space
  }
  if (/\p{Sentence_Terminal}/u.test(character)) {
    return bits | full
  }
  if (isSurrogate) {
    return bits | other
  }
  // Georgian letters count as lower case, yet its sentences begin with them
  if (/\p{Ll}/u.test(character) && !/\p{Script=Georgian}/u.test(character)) {
    return bits | lower
  }
  if (/\p{Nd}/u.test(character)) {
    return bits | digit
  }
  return bits | ((bits & wordBit) !== 0 ? letter : other)
}

const table = new Uint16Array(0x10000)

const lookup = (unit: number): number => {
  const known = table[unit] ?? 0
  return known === 0 ? table[unit] = classify(unit) : known
}

export const kindOf = (unit: number): number => lookup(unit) & kindMask

export const isSpace = (unit: number): boolean => {
  const kind = lookup(unit) & kindMask
  return kind === space || kind === newline
}

/** Letters, marks and digits of every script. */
export const isWord = (unit: number): boolean => (lookup(unit) & wordBit) !== 0

/** Scripts in which a foreign word may stand without a space beside it. */
export const isJoined = (unit: number): boolean => (lookup(unit) & joinedBit) !== 0

/** Scripts without spaces between words. */
export const isUnspaced = (unit: number): boolean => (lookup(unit) & unspacedBit) !== 0

const isGreek = (unit: number): boolean => unit >= 0x370 && unit <= 0x3ff || unit >= 0x1f00 && unit <= 0x1fff

/** The kind of a unit behind another one: Greek asks with a semicolon. */
export const kindAfter = (before: number, unit: number): number =>
  unit === 0x3b && isGreek(before) ? strong : kindOf(unit)

const joints = new Set([0x22, 0x27, 0x2019, 0x5f3, 0x5f4])

/** What may stand within a word of Hebrew, or of another script. */
export const isJoint = (unit: number): boolean => joints.has(unit)

export const isPunctuation = (unit: number): boolean => (lookup(unit) & punctuationBit) !== 0

export const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
