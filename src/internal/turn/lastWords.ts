/** The last words: what the recogniser still owes when the session ends. */
import * as Text from "../../Text.ts"
import type { Draft } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import type { LastWords, State } from "./model.ts"

/** What has had no transcript for so long (ms) had no words. */
const forgetAfter = 10_000

/** How far before the end of the voice a recogniser may count the end of its words (ms). */
const shortOf = 500

/** A final transcript has come: up to where all is transcribed. */
export const heard = (d: Draft, endedAt: number | undefined): void => {
  const to = endedAt === undefined ? d.now : Math.min(d.now, endedAt + shortOf)
  d.s.heardTo = Math.max(d.s.heardTo, to)
}

/** Whether something was said that has no final transcript yet. */
const owes = ({ ears, heardTo, voice, words }: State, now: number): boolean => {
  if (!ears.stt) return false
  if (words.interim !== "" || voice?.sounding !== undefined) return true
  const soundedAt = voice?.pausedAt ?? words.stoppedAt
  return soundedAt !== undefined && soundedAt > heardTo && now - soundedAt < forgetAfter
}

const begin = (d: Draft, change: Partial<LastWords>): void => {
  d.s.lastWords = {
    until: d.now + d.s.patience,
    askAt: d.now,
    asked: false,
    over: d.s.patience <= 0,
    answers: false,
    ...change
  }
}

/** Nobody is listened to any more: what is owed is asked for at once. */
export const hasten = (d: Draft): void => {
  const { lastWords } = d.s
  if (lastWords !== undefined && !lastWords.answers) d.s.lastWords = { ...lastWords, askAt: d.now }
  else if (owes(d.s, d.now)) begin(d, {})
}

/** Nothing more is to be waited for, then or now. */
export const over = (d: Draft): void => {
  if (d.s.lastWords === undefined) begin(d, {})
  if (d.s.lastWords !== undefined) d.s.lastWords = { ...d.s.lastWords, over: true }
}

/** A session that drains answers what was said before: at once, or when its transcript has come. */
export const answer = (d: Draft): void => {
  const { settings, voice, words } = d.s
  if (settings.detection === "manual" || words.kept || voice?.sounding !== undefined) return
  if (d.s.lastWords?.over === true || !owes(d.s, d.now)) return EndOfTurn.commit(d, "voice")
  begin(d, { asked: true, answers: true })
  d.actions.push({ _tag: "Finalize" })
}

/**
 * Whether the end has to wait for words: for a voice that still sounds until
 * half of the time is over, then for the recogniser, which is told that no more
 * audio comes. `idle` says that nothing else is left to be done.
 */
export const waits = (d: Draft, idle: boolean): boolean => {
  const owing = owes(d.s, d.now)
  const sounding = d.s.voice?.sounding !== undefined
  if (d.s.lastWords === undefined && idle && owing) begin(d, sounding ? { askAt: d.now + d.s.patience / 2 } : {})
  const { lastWords } = d.s
  if (lastWords === undefined) return false
  if (!owing || lastWords.over || d.now >= lastWords.until) {
    d.s.lastWords = { ...lastWords, over: true }
    return idle && lastWords.answers && answers(d)
  }
  const asks = !lastWords.asked && (d.now >= lastWords.askAt || !sounding)
  if (asks) d.actions.push({ _tag: "LastWords" })
  d.s.lastWords = { ...lastWords, asked: lastWords.asked || asks }
  return true
}

/** The words that a draining session was waiting for are there. */
const answers = (d: Draft): boolean => {
  if (!d.s.words.kept && d.s.words.interim === "") EndOfTurn.commit(d, "voice")
  d.s.lastWords = undefined
  return d.s.pending !== undefined
}

/** When the waiting has something to do. */
export const due = ({ lastWords }: State): number =>
  lastWords === undefined || lastWords.over
    ? Number.POSITIVE_INFINITY
    : lastWords.asked
    ? lastWords.until
    : Math.min(lastWords.askAt, lastWords.until)

/** What a final transcript adds to words that were kept as an interim one. */
export const beyond = (interim: string, final: string): string => {
  const words = final.trim().split(/\s+/)
  return interim === "" ? words.join(" ") : words.slice(Text.countWords(interim)).join(" ")
}
