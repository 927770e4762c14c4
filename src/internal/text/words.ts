/**
 * What a word is, in scripts with spaces and without: for counting, for comparing,
 * and for whether anything is said at all.
 */
import * as Chars from "./chars.ts"

// Some are made of a digit or a letter.
const emoji = /\p{Emoji}(?:\u{fe0f}\u{20e3}?|\u{20e3})/gu

/** Whether anything in the text is said: no marks, notes and pictures alone. */
export const hasWord = (text: string): boolean => /[\p{L}\p{N}]/u.test(text.replace(emoji, ""))

// "[Music]", "(laughs)", "*coughs*", "♪ la la ♪"; digits in brackets are of a telephone number.
const noted =
  /\[[^[\]\d]{0,60}\]|\([^()\d]{0,60}\)|<[^<>\d]{0,60}>|\*[^*\d]{1,60}\*|【[^【】\d]{0,60}】|（[^（）\d]{0,60}）|［[^［］\d]{0,60}］|([♪♫♬🎵🎶])[^♪♫♬🎵🎶]{0,200}[♪♫♬🎵🎶]/gu

/** Whether anybody has said anything in a transcript: what recognisers note of other sounds, in brackets or between notes, is no speech. */
export const hasSpeech = (transcript: string): boolean => hasWord(transcript.replace(noted, " "))

const hasUnspaced = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (Chars.isUnspaced(text.charCodeAt(i))) {
      return true
    }
  }
  return false
}

const trimPunctuation = (token: string): string => {
  let start = 0
  let end = token.length
  while (start < end && Chars.isPunctuation(token.charCodeAt(start))) {
    start++
  }
  while (end > start && Chars.isPunctuation(token.charCodeAt(end - 1))) {
    end--
  }
  return token.slice(start, end)
}

// made on first use: its dictionaries take 10 ms to load
let dictionary: Intl.Segmenter | undefined

/** Cuts a token of a script without spaces; what is no word goes with the word before it. */
const segment = (token: string): Array<string> => {
  dictionary ??= new Intl.Segmenter("und", { granularity: "word" })
  const pieces: Array<string> = []
  for (const { isWordLike, segment } of dictionary.segment(token)) {
    const last = pieces.length - 1
    if (last >= 0 && (isWordLike !== true || !hasWord(pieces[last] ?? ""))) {
      pieces[last] += segment
    } else {
      pieces.push(segment)
    }
  }
  return pieces
}

const tokens = (text: string): Array<string> =>
  text.split(/\s+/).flatMap((token) => token === "" ? [] : hasUnspaced(token) ? segment(token) : [token])

export const withPunctuation = tokens

export const withoutPunctuation = (text: string): Array<string> => tokens(text).map(trimPunctuation).filter(hasWord)

/**
 * The words of a text as two transcripts of the same speech would have them:
 * lower case, without punctuation at their edges, one unit each where the
 * script has no spaces.
 */
export const canonical = (text: string): Array<string> => {
  const normal = text.normalize("NFC").toLowerCase().replaceAll("’", "'")
  const words: Array<string> = []
  let word = ""
  const flush = () => {
    if (word !== "") {
      words.push(word)
      word = ""
    }
  }
  for (let i = 0; i < normal.length; i++) {
    const unit = normal.charCodeAt(i)
    if (Chars.isUnspaced(unit)) {
      flush()
      words.push(normal.charAt(i))
    } else if (Chars.isSpace(unit)) {
      flush()
    } else if (Chars.isPunctuation(unit)) {
      const next = normal.charCodeAt(i + 1)
      if (word !== "" && Chars.isWord(next) && !Chars.isUnspaced(next)) {
        word += normal.charAt(i)
      } else {
        flush()
      }
    } else {
      word += normal.charAt(i)
    }
  }
  flush()
  return words
}

export interface Paragraph {
  readonly text: string
  readonly start: number
  readonly end: number
}

export const paragraphs = (text: string): Array<Paragraph> => {
  const found: Array<Paragraph> = []
  let start = -1
  let end = 0
  let hasContent = false
  const flush = () => {
    if (start !== -1) {
      found.push({ text: text.slice(start, end), start, end })
      start = -1
    }
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (Chars.kindOf(unit) === Chars.newline) {
      if (!hasContent) {
        flush()
      }
      hasContent = false
    } else if (!Chars.isSpace(unit)) {
      if (start === -1) {
        start = i
      }
      end = i + 1
      hasContent = true
    }
  }
  flush()
  return found
}
