/** What a list of phrases of one language has, and how it is written down. */

/**
 * The phrases of a language by what they do to who speaks. Case, punctuation,
 * hyphens, apostrophes and accents do not matter, nor how long a sound is drawn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Phrasebook {
  /** Signs that one listens: "mm-hm". */
  readonly continuers: ReadonlyArray<string>
  /** Words that agree, or answer a question: "yes", "okay". */
  readonly agreement: ReadonlyArray<string>
  /** Requests to stop, or to be heard: "stop", "no". */
  readonly cutIns: ReadonlyArray<string>
  /** Requests to wait for the one who says them: "one moment". */
  readonly holds: ReadonlyArray<string>
  /** Those of `holds` that say how long: who was asked how long answers with them, as "one minute". */
  readonly lengths: ReadonlyArray<string>
  /**
   * What makes a question one of how long the listener needs, or is to be waited for: words of it in their
   * order, as "how long need". Behind a question mark nothing else may follow: "how long will you be?".
   */
  readonly howLong: ReadonlyArray<string>
  /** What may stand beside a request without making it another one: "please"; also who apologises asks for a moment. */
  readonly courtesies: ReadonlyArray<string>
  /** Whoever says no more than these goes on in a moment: "uhm", "let me think". */
  readonly hesitations: ReadonlyArray<string>
  /** Whoever stops after one of these has not finished: "and", "the", "I'm". */
  readonly unfinished: ReadonlyArray<string>
}

export const list = (phrases: string): ReadonlyArray<string> => phrases.split(/\s*,\s*/)
