/**
 * What the agent was heard saying lately, and when: the words, the questions
 * among them, and for how long anybody heard it at all. The user's words are
 * judged by it, by their own time and not by that of their transcript.
 */
import * as Text from "../../Text.ts"
import { inDigits } from "../text/numerals.ts"
import { asksHowLong, isQuestion } from "../text/phrases.ts"
import { canonical } from "../text/words.ts"
import { breath, type Draft, reading } from "./draft.ts"
import type { Said, State } from "./model.ts"

/** How long (ms) it is remembered: longer than any rule looks back. */
const rememberedFor = 30_000

/** An answer to a question begins so shortly before its end, and so shortly after (ms). */
const answerBefore = 300
const answerAfter = 1500

/** Who agrees within this time (ms) of a question may be answering it. */
const askedWithin = 8000

/** Words are an echo of what was played so long before (ms), heard so long after the agent's end at most. */
const echoWithin = 3000
const echoAfter = 500

/** What begins so shortly (ms) before the agent's end may answer it. */
const endsWithin = 1000

export const nothingSaid: Said = { words: [], sentence: "", questions: [], stretches: [] }

const newer = <A extends { readonly at: number }>(all: ReadonlyArray<A>, now: number): ReadonlyArray<A> =>
  all.length > 0 && all[0]!.at < now - rememberedFor ? all.filter(({ at }) => at >= now - rememberedFor) : all

const sentenceEnd = /[.!?…][.!?…"'”’»)\]]*\s+|[。！？]+[」』）]*\s*/gu

const withQuestion = (d: Draft, text: string): Said["questions"] => [
  ...newer(d.agent.said.questions, d.now),
  { text, at: d.now }
]

/** More of its words are heard from now on; gives whether a question has ended before them. */
export const heard = (d: Draft, text: string): boolean => {
  const asked = question(d)
  const { said } = d.agent
  const spoken = `${/[.!?…。！？]["'”’»)\]」』）]*\s*$/u.test(said.sentence) ? "" : said.sentence}${text}`
  let from = 0
  let inside: string | undefined
  for (const match of spoken.matchAll(sentenceEnd)) {
    const to = match.index + match[0].length
    if (to === spoken.length) break
    if (isQuestion(spoken.slice(from, to))) inside = spoken.slice(from, to)
    from = to
  }
  d.agent.said = {
    ...d.agent.said,
    words: [...newer(said.words, d.now), { text, at: d.now }],
    sentence: spoken.slice(from),
    ...(inside === undefined ? {} : { questions: withQuestion(d, inside) })
  }
  return asked || inside !== undefined
}

/** Nothing follows at once: if the last sentence was a question, it has been heard to its end. */
export const question = (d: Draft): boolean => {
  const { said } = d.agent
  if (!isQuestion(said.sentence)) return false
  d.agent.said = { ...said, sentence: "", questions: withQuestion(d, said.sentence) }
  return true
}

/** What was asked has its answer. */
export const answered = (d: Draft): void => {
  if (d.agent.said.questions.length > 0) d.agent.said = { ...d.agent.said, questions: [] }
}

/** From now on somebody hears the agent, or nobody does since `at`. */
export const audibleFrom = (d: Draft): void => {
  const { stretches } = d.agent.said
  const last = stretches.at(-1)
  if (last !== undefined && last.to === undefined) return
  const kept = stretches.filter(({ to = d.now }) => to >= d.now - rememberedFor)
  const goesOn = last?.to !== undefined && d.now - last.to < breath
  d.agent.said = {
    ...d.agent.said,
    stretches: goesOn
      ? [...kept.slice(0, -1), { from: last.from, to: undefined }]
      : [...kept, { from: d.now, to: undefined }]
  }
}

export const silentFrom = (d: Draft, at: number): void => {
  const { stretches } = d.agent.said
  const last = stretches.at(-1)
  if (last === undefined || last.to !== undefined) return
  d.agent.said = { ...d.agent.said, stretches: [...stretches.slice(0, -1), { from: last.from, to: at }] }
}

/** Whether the agent was heard at a time. */
export const wasAudible = ({ agent: { said } }: State, at: number, slack = 0): boolean =>
  said.stretches.some(({ from, to = Infinity }) => from <= at && at < to + slack)

/** When the agent was heard last; `undefined` while it is, or if it never was. */
export const silentSince = ({ agent: { said } }: State): number | undefined => said.stretches.at(-1)?.to

/** Whether words that began then answer a question that was heard. */
export const answers = ({ agent: { said } }: State, startedAt: number): boolean =>
  said.questions.some(({ at }) => startedAt >= at - answerBefore && startedAt <= at + answerAfter)

/** Whether words of agreement that began then may answer a question. */
export const mayAnswer = ({ agent: { said } }: State, startedAt: number): boolean =>
  said.questions.some(({ at }) => startedAt >= at - answerBefore && startedAt <= at + askedWithin)

/** Who was asked how long may answer so shortly before the question's end (ms): its first words tell. */
const lengthBefore = 1000

/** Whether words that began then answer a question of how long: the last one, and lately, or nothing was said since. */
export const asksForLength = (s: State, startedAt: number): boolean => {
  const { said } = s.agent
  // One that the user has cut short is asked, too: its mark was not heard.
  const open = said.sentence !== "" && !/[.!…。！]["'”’»)\]」』）]*\s*$/u.test(said.sentence)
  const last = open && asksHowLong(said.sentence, reading(s))
    ? { text: said.sentence, at: startedAt }
    : said.questions.at(-1)
  if (last === undefined || startedAt < last.at - lengthBefore) return false
  const since = silentSince(s)
  const isNews = since === undefined || since > last.at + breath
  return (!isNews || startedAt <= last.at + askedWithin) && asksHowLong(last.text, reading(s))
}

/** Whether the last that was heard before a silence that began then was a question. */
export const asks = ({ agent: { said } }: State, silentAt: number): boolean =>
  isQuestion(said.sentence) || said.questions.some(({ at }) => Math.abs(silentAt - at) <= breath)

/** The longest run of `one`'s words, in order, that is in the other. */
const inCommon = (one: ReadonlyArray<string>, other: ReadonlyArray<string>): number => {
  let before = new Array<number>(other.length + 1).fill(0)
  for (const word of one) {
    const row = [0]
    for (let j = 0; j < other.length; j++) {
      row.push(word === other[j] ? before[j]! + 1 : Math.max(before[j + 1]!, row[j]!))
    }
    before = row
  }
  return before.at(-1)!
}

const contains = (all: ReadonlyArray<string>, part: ReadonlyArray<string>): boolean =>
  all.some((_, at) => part.every((word, i) => all[at + i] === word))

/**
 * Whether words are what the agent itself was heard saying. Of one or two words a
 * question may have asked for just these, and so may its end without one ("please say
 * yes or no"): there they come back as late as echoes do. Of many, a recogniser mishears some.
 */
export const echoes = (s: State, text: string, startedAt: number, endedAt: number): boolean => {
  const { said } = s.agent
  if (!wasAudible(s, startedAt, echoAfter)) return false
  const short = Text.countWords(text) < 3
  if (short && (answers(s, startedAt) || asks(s, endedAt))) return false
  const silent = silentSince(s)
  const within = short && silent !== undefined && startedAt >= silent - endsWithin ? echoAfter : echoWithin
  const played = said.words.filter(({ at }) => at >= startedAt - within && at <= endedAt)
  const words = inDigits(canonical(text))
  if (words.length === 0 || played.length === 0) return false
  const others = inDigits(canonical(played.map(({ text }) => text).join("")))
  return words.length < 5 ? contains(others, words) : inCommon(words, others) >= words.length * 0.8
}
