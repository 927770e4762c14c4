/** What of a provider's transcripts is passed on, and to whom. */
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

export const isEmpty = (heard: Stt.Transcript): boolean => heard.text.trim() === ""

type Transcribe = Stt.Service["transcribe"]

/**
 * An empty transcript is no news for a user of an `Stt`, but it tells the guard
 * that the provider has answered. `Stt.make` leaves the unfiltered stream here.
 */
const answers = new WeakMap<Stt.Service, Transcribe>()

export const remember = (service: Stt.Service, transcribe: Transcribe): Stt.Service => {
  answers.set(service, transcribe)
  return service
}

export const answersOf = (service: Stt.Service): Transcribe => answers.get(service) ?? service.transcribe
