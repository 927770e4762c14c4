/** What a listener's text is, for those who ask: `Text` gives it as its own. */
import type { Phrasebook } from "./phrasebook.ts"
import * as Phrases from "./phrases.ts"

/**
 * Which phrases a text is compared with.
 *
 * @category options
 * @since 0.1.0
 */
export interface PhraseOptions {
  /** A tag (BCP 47); only its first part counts. @default "en" */
  readonly language?: string | undefined
  /** Phrases instead of those of the language. Case, punctuation and hyphens do not matter. */
  readonly phrases?: ReadonlyArray<string> | undefined
}

/**
 * Whose phrases a text is compared with.
 *
 * @category options
 * @since 0.1.0
 */
export interface PhraseKindOptions {
  /** A tag (BCP 47), or the English name of a known language. @default "en" */
  readonly language?: string | undefined
  /** Phrases beside those that are known, by the first part of a language's tag. */
  readonly phrases?: Readonly<Record<string, Partial<Phrasebook>>> | undefined
}

/**
 * What a text is that is made of the phrases of one kind: a sign that one
 * listens (`continuer`), one that one agrees or an answer (`agreement`), a
 * request to stop (`cut-in`), or one to wait (`hold`).
 *
 * @category models
 * @since 0.1.0
 */
export type PhraseKind = Phrases.PhraseKind

/**
 * Tells what a text is that is made of the phrases of one kind; `undefined` for
 * any other, for one without words, and in a language that is not known.
 *
 * **Details**
 *
 * Drawn-out sounds count as their short forms, and so do other spellings:
 * without accents or apostrophes, with digits ("1 moment"). A request may have courtesies
 * beside it ("stop, please"), one to wait also signs of listening ("yes, one
 * moment"). A continuer with a word of agreement is agreement. `phrases` adds to
 * what is known, by the first part of the language's tag.
 *
 * @category phrases
 * @since 0.1.0
 */
export const phraseKind = (text: string, options: PhraseKindOptions = {}): PhraseKind | undefined =>
  Phrases.phraseKind(text, { language: options.language, more: options.phrases })

const madeOf = (text: string, options: PhraseOptions, kinds: ReadonlyArray<PhraseKind>): boolean => {
  if (options.phrases !== undefined) return Phrases.isMadeOf(Phrases.index(options.phrases), text)
  const kind = phraseKind(text, { language: options.language })
  return kind !== undefined && kinds.includes(kind)
}

/**
 * Whether the text is nothing but continuers and agreement ("mm-hm", "yeah,
 * okay"), by which a listener need not take the turn.
 *
 * @category phrases
 * @since 0.1.0
 */
export const isBackchannel = (text: string, options: PhraseOptions = {}): boolean =>
  madeOf(text, options, ["continuer", "agreement"])

/**
 * Whether the text is nothing but a request to stop speaking ("wait", "no, no",
 * "stop, please"), or to wait.
 *
 * @category phrases
 * @since 0.1.0
 */
export const isCutIn = (text: string, options: PhraseOptions = {}): boolean => madeOf(text, options, ["cut-in", "hold"])
