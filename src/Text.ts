/**
 * Text for speech: sentences, words, phrases and rewriting, in one piece or as
 * it streams in.
 *
 * Functions on streams give the same result however the text is cut, also inside a word, a number,
 * a surrogate pair or markup. They hold back only the text that later text may change, and take
 * time in proportion to the text. If a stream fails or is interrupted, the text that was held back
 * is dropped, so half a sentence is not spoken as if it were whole.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Emoji from "./internal/text/emoji.ts"
import * as Html from "./internal/text/html.ts"
import * as Lexicon from "./internal/text/lexicon.ts"
import * as Markdown from "./internal/text/markdown.ts"
import * as Formulas from "./internal/text/math.ts"
import { cutting, replacing, wording } from "./internal/text/options.ts"
import * as Replace from "./internal/text/replace.ts"
import * as Sentences from "./internal/text/segmenter.ts"
import { throughRun } from "./internal/text/throughRun.ts"
import * as Transforms from "./internal/text/transform.ts"
import * as Words from "./internal/text/words.ts"

export { type Phrasebook, phrasebooks } from "./internal/text/phrasebook.ts"
export {
  isBackchannel,
  isCutIn,
  type PhraseKind,
  phraseKind,
  type PhraseKindOptions,
  type PhraseOptions
} from "./internal/text/phraseKind.ts"

/**
 * Cuts text into pieces that can be spoken on their own.
 *
 * **Details**
 *
 * `push` gives the pieces that have become certain, `end` what is left; after that the segmenter
 * begins again. Pieces keep their white space and are never blank: joined, they are the text
 * without the white space at its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Segmenter {
  readonly push: (chunk: string) => ReadonlyArray<string>
  readonly end: () => ReadonlyArray<string>
}

/**
 * One run of a `Transform` over one text; `end` gives what was held and makes
 * the run ready for another text.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransformRun {
  readonly push: (chunk: string) => string
  readonly end: () => string
}

/**
 * A rewriting of text on its way to speech.
 *
 * **Details**
 *
 * One that you write yourself should give the same output however its input is
 * cut. `open` is called once for every text, with the tag of its language where that is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transform {
  readonly name: string
  readonly open: (language?: string) => TransformRun
}

/**
 * A paragraph, trimmed, and where it stands in its text (UTF-16 code units).
 *
 * @category models
 * @since 0.1.0
 */
export interface Paragraph {
  readonly text: string
  readonly start: number
  readonly end: number
}

/**
 * No transform has this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownTransform
  extends Schema.TaggedError<UnknownTransform>("effect-voice/Text/UnknownTransform")("UnknownTransform", {
    transform: Schema.String,
    known: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    return `There is no text transform "${this.transform}". Use one of ${
      this.known.join(", ")
    }, or a Transform of your own`
  }
}

/**
 * Why something in this module could not be made.
 *
 * @category errors
 * @since 0.1.0
 */
export class TextError extends Schema.TaggedError<TextError>("effect-voice/Text/TextError")("TextError", {
  reason: UnknownTransform
}) {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * How text is cut into sentences.
 *
 * @category options
 * @since 0.1.0
 */
export interface SentenceOptions {
  /**
   * Shortest piece, in UTF-16 code units without the white space around it; a shorter sentence is joined with the next.
   * @default 20, in Chinese, Japanese and Korean 8
   */
  readonly minLength?: number | undefined
  /** The same for the first piece, where a lower number lets speech start sooner. @default `minLength` */
  readonly firstMinLength?: number | undefined
  /**
   * Length from which a sentence is cut at a comma, or else at a space; text with neither stays whole up to 500
   * characters, or up to this length where it is longer.
   *
   * @default Infinity
   */
  readonly maxLength?: number | undefined
  /**
   * Language tag, which chooses the known abbreviations: "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru" and "hi" have
   * their own, other languages the English ones. Sentence ends of all scripts are known in every language.
   * @default "en"
   */
  readonly language?: string | undefined
}

/**
 * Makes a segmenter.
 *
 * **Details**
 *
 * A full stop ends a sentence when white space follows; after an ellipsis, a quotation mark or
 * bracket, or a word of up to three letters, the next word must not begin in lower case, either.
 * After an abbreviation it does not end one, or (`U.S.`, `etc.`, initials) only before a word that
 * commonly begins a sentence. `!` and `?` wait for white space, their full-width forms for the next
 * character, and `。` and `।` for nothing, save inside quotation marks and brackets; of 32 stops in a
 * row, none waits any more. A line break
 * ends a sentence unless a lower-case letter follows, a blank line always. Throws
 * `Failure.InvalidOptions` if a length is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const segmenter = (options: SentenceOptions = {}): Segmenter => {
  const { firstMinLength, language, maxLength: max, minLength } = cutting(options)
  const lexicon = Lexicon.of(language)
  const min = Math.min(minLength ?? lexicon.minLength, max)
  const first = Math.min(firstMinLength ?? min, max)
  return new Sentences.Segmenter(lexicon, { min, max, first })
}

/**
 * The sentences of a text, trimmed; they are the pieces of `segmenter`.
 *
 * @category sentences
 * @since 0.1.0
 */
export const splitSentences = (text: string, options?: SentenceOptions): ReadonlyArray<string> => {
  const pieces = segmenter(options)
  return [...pieces.push(text), ...pieces.end()].map((piece) => piece.trim())
}

/**
 * Turns streaming text into its sentences, each as soon as it is certain.
 *
 * **Details**
 *
 * See `segmenter` for what the pieces are.
 *
 * @category sentences
 * @since 0.1.0
 */
export const sentences: {
  (options?: SentenceOptions): <E, R>(self: Stream.Stream<string, E, R>) => Stream.Stream<string, E, R>
  <E, R>(self: Stream.Stream<string, E, R>, options?: SentenceOptions): Stream.Stream<string, E, R>
} = dual(
  (args) => Stream.isStream(args[0]),
  <E, R>(self: Stream.Stream<string, E, R>, options?: SentenceOptions): Stream.Stream<string, E, R> =>
    throughRun(self, () => segmenter(options))
)

/**
 * The words of a text: what stands between white space, and in scripts without
 * spaces what a dictionary calls a word.
 *
 * **Details**
 *
 * `"ignore"` (the default) leaves out the punctuation around words and whatever
 * has neither letter nor digit; `"keep"` leaves it all in place. Throws
 * `Failure.InvalidOptions` if an option is wrong.
 *
 * @category words
 * @since 0.1.0
 */
export const words = (
  text: string,
  options: { readonly punctuation?: "ignore" | "keep" | undefined } = {}
): ReadonlyArray<string> =>
  wording(options).punctuation === "keep" ? Words.withPunctuation(text) : Words.withoutPunctuation(text)

/**
 * How many words were said.
 *
 * @category words
 * @since 0.1.0
 */
export const countWords = (text: string): number => Words.withoutPunctuation(text).length

/**
 * The parts of a text between blank lines.
 *
 * @category words
 * @since 0.1.0
 */
export const paragraphs = (text: string): ReadonlyArray<Paragraph> => Words.paragraphs(text)

/**
 * Whether two transcripts say the same words: case, white space and the
 * punctuation around words do not matter.
 *
 * **Details**
 *
 * A text without words is equivalent only to itself, spaces at its ends apart.
 *
 * @category words
 * @since 0.1.0
 */
export const equivalent: {
  (that: string): (self: string) => boolean
  (self: string, that: string): boolean
} = dual(2, (self: string, that: string): boolean => {
  const left = Words.canonical(self)
  const right = Words.canonical(that)
  return left.length === 0 || right.length === 0
    ? self.trim() === that.trim()
    : left.length === right.length && left.every((word, i) => word === right[i])
})

/**
 * Leaves the text of Markdown and drops its marks.
 *
 * **Details**
 *
 * Drops emphasis, strike-through, heading, quote and bullet marks, rules, code fences and ticks
 * (their code stays), the address of links, whole images, marks of footnotes and citations
 * (`[^1]`, `[1]`); table cells are joined by commas. Text that only looks like a mark stays:
 * `2 * 3`, `some_name`, "press [1]", an opening mark that nothing closes. Inline marks must close
 * on their line and within 300 characters.
 *
 * @category transforms
 * @since 0.1.0
 */
export const markdown: Transform = { name: "markdown", open: Markdown.open }

/**
 * Leaves the text of HTML: drops tags and comments, makes characters of entities,
 * and drops signs of sources such as `【4:0†source】`.
 *
 * **Details**
 *
 * A tag after which a line begins (`<br>`, `<p>`, `<li>`) becomes a line break, and cells of a table
 * are joined by commas. Text that only looks like a tag stays: `2 < 3`, `<your name>`.
 *
 * @category transforms
 * @since 0.1.0
 */
export const html: Transform = { name: "html", open: Html.open }

/**
 * Says formulas as TeX has them: `$x^2$` as "x squared", `\\frac{a}{b}` as "a over b".
 *
 * **Details**
 *
 * In English, German, French, Spanish, Italian, Portuguese, Dutch, Polish and Russian; else with signs
 * that voices read (`x²`), and in English where no language is told. Prices, paths and addresses stay.
 *
 * @category transforms
 * @since 0.1.0
 */
export const math: Transform = { name: "math", open: Formulas.open }

/**
 * Removes emoji, also joined ones and flags; digits, `#`, `*`, `©`, `®` and `™`
 * stay, also where they were part of one.
 *
 * @category transforms
 * @since 0.1.0
 */
export const emoji: Transform = { name: "emoji", open: Emoji.open }

/**
 * Replaces words and phrases, for instance by their pronunciation.
 *
 * **Details**
 *
 * A key matches in any case and as a whole word. Of several keys the longest
 * wins; what is put in is literal and not searched again. Only what may become
 * a key is held. Throws `Failure.InvalidOptions` if an option is wrong.
 *
 * @category transforms
 * @since 0.1.0
 */
export const replace = (
  entries: Readonly<Record<string, string>>,
  options: {
    /** Match keys in their own case only. @default false */
    readonly caseSensitive?: boolean | undefined
  } = {}
): Transform => {
  const dictionary = Replace.compile(entries, replacing(options).caseSensitive)
  return { name: "replace", open: () => Replace.open(dictionary) }
}

/**
 * The default transforms for speech: they remove HTML, Markdown and emoji, and say formulas.
 *
 * @category transforms
 * @since 0.1.0
 */
export const speechTransforms: ReadonlyArray<Transform> = [html, math, markdown, emoji]

const named: ReadonlyMap<string, Transform> = new Map(speechTransforms.map((transform) => [transform.name, transform]))

/**
 * Makes one transform of several, in their order, some of them by name.
 *
 * **Details**
 *
 * Names are "html", "math", "markdown" and "emoji"; any other fails with `UnknownTransform`.
 *
 * @category transforms
 * @since 0.1.0
 */
export const transforms = (list: ReadonlyArray<string | Transform>): Effect.Effect<Transform, TextError> =>
  Effect.map(
    Effect.forEach(list, (item): Effect.Effect<Transform, TextError> => {
      const found = typeof item === "string" ? named.get(item) : item
      return found === undefined
        ? Effect.fail(
          new TextError({ reason: new UnknownTransform({ transform: String(item), known: [...named.keys()] }) })
        )
        : Effect.succeed(found)
    }),
    Transforms.compose
  )

/**
 * Rewrites a whole text, of a language where one is told.
 *
 * @category transforms
 * @since 0.1.0
 */
export const applyTransforms = (text: string, list: ReadonlyArray<Transform>, language?: string): string => {
  const run = Transforms.compose(list).open(language)
  return run.push(text) + run.end()
}

/**
 * Rewrites streaming text. A chunk that gives no text yet is left out.
 *
 * @category transforms
 * @since 0.1.0
 */
export const transform: {
  (list: ReadonlyArray<Transform>): <E, R>(self: Stream.Stream<string, E, R>) => Stream.Stream<string, E, R>
  <E, R>(self: Stream.Stream<string, E, R>, list: ReadonlyArray<Transform>): Stream.Stream<string, E, R>
} = dual(2, <E, R>(
  self: Stream.Stream<string, E, R>,
  list: ReadonlyArray<Transform>
): Stream.Stream<string, E, R> =>
  throughRun(self, () => {
    const run = Transforms.compose(list).open()
    const present = (text: string): ReadonlyArray<string> => text === "" ? [] : [text]
    return { push: (chunk) => present(run.push(chunk)), end: () => present(run.end()) }
  }))
