/** What of a provider's transcripts is passed on. */
import type * as Stt from "./model.ts"

const odd = (value: number | undefined): boolean => value !== undefined && !Number.isFinite(value)

/** A time or a confidence that is no number is as good as not told: the arithmetic of a conversation would not survive it. */
export const finite = (heard: Stt.Transcript): Stt.Transcript => {
  const { confidence, end, start, words, ...rest } = heard
  const oddWords = words?.some((word) => odd(word.start) || odd(word.end)) === true
  if (!oddWords && !odd(start) && !odd(end) && !odd(confidence)) return heard
  return {
    ...rest,
    ...(start === undefined || odd(start) ? {} : { start }),
    ...(end === undefined || odd(end) ? {} : { end }),
    ...(confidence === undefined || odd(confidence) ? {} : { confidence }),
    ...(words === undefined || oddWords ? {} : { words })
  }
}

/** A transcript that names no language is in the one that the recogniser was told to hear. */
export const inLanguage = (heard: Stt.Transcript, language: string | undefined): Stt.Transcript =>
  language === undefined || heard.language !== undefined || isEmpty(heard) ? heard : { ...heard, language }

export const isEmpty = (heard: Stt.Transcript): boolean => heard.text.trim() === ""

/** An interim without text is no news; a final one says that nothing more is to come. */
export const isNews = (heard: Stt.Transcript): boolean => heard.final || !isEmpty(heard)
