/** What of a provider's transcripts is passed on. */
import type * as Stt from "./model.ts"

const isTime = (time: number | undefined): time is number => time !== undefined && Number.isFinite(time)

/** With no start before `least`, and no end before its start. */
const timed = (word: Stt.Word, least: number): Stt.Word => {
  const start = Math.max(least, word.start)
  const end = Math.max(start, word.end)
  return start === word.start && end === word.end ? word : { ...word, start, end }
}

/** In the order of the text, none before the one that it follows; `undefined` where one has no time. */
const wordsOf = (words: ReadonlyArray<Stt.Word>): ReadonlyArray<Stt.Word> | undefined => {
  if (!words.every(({ end, start }) => isTime(start) && isTime(end))) return undefined
  const all = words.some(({ text }) => text.trim() === "") ? words.filter(({ text }) => text.trim() !== "") : words
  let latest = 0
  const sane = all.map((word) => {
    const one = timed(word, latest)
    latest = one.start
    return one
  })
  return sane.length === words.length && sane.every((word, at) => word === words[at]) ? words : sane
}

const isShare = (confidence: number | undefined): confidence is number =>
  confidence !== undefined && confidence >= 0 && confidence <= 1

/**
 * A time or a confidence that is none is as good as not told: the arithmetic of a conversation would not survive it.
 * Times that go back are put in order.
 */
export const sane = (heard: Stt.Transcript): Stt.Transcript => {
  const { confidence, end, start, words: told, ...rest } = heard
  if (confidence === undefined && end === undefined && start === undefined && told === undefined) return heard
  const words = told === undefined ? undefined : wordsOf(told)
  const firstWord = words?.[0]?.start
  const lastWord = words?.reduce<number | undefined>((last, { end }) => Math.max(last ?? end, end), undefined)
  const isBack = isTime(start) && isTime(end) && end < start
  const from = isBack ? firstWord ?? start : isTime(start) ? start : undefined
  const to = isBack ? lastWord ?? start : isTime(end) ? end : undefined
  const [begins, ends] = [from, to].map((time) => time === undefined ? undefined : Math.max(0, time))
  const share = isShare(confidence) ? confidence : undefined
  if (begins === start && ends === end && share === confidence && words === told) return heard
  return {
    ...rest,
    ...(begins === undefined ? {} : { start: begins }),
    ...(ends === undefined ? {} : { end: ends }),
    ...(share === undefined ? {} : { confidence: share }),
    ...(words === undefined ? {} : { words })
  }
}

/** A transcript that names no language is in the one that the recogniser was told to hear. */
export const inLanguage = (heard: Stt.Transcript, language: string | undefined): Stt.Transcript =>
  language === undefined || heard.language !== undefined || isEmpty(heard) ? heard : { ...heard, language }

export const isEmpty = (heard: Stt.Transcript): boolean => heard.text.trim() === ""

/** An interim without text is no news; a final one says that nothing more is to come. */
export const isNews = (heard: Stt.Transcript): boolean => heard.final || !isEmpty(heard)
