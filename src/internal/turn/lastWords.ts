/** The last words: transcripts that are still missing when the session ends. */
import type { Draft } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import type { State } from "./model.ts"
import * as Owed from "./owed.ts"

/** What has had no transcript for so long (ms) had no words. */
const forgetAfter = 10_000

/** What is shorter (ms) after the last transcript is no word of its own. */
const brief = 300

/** A final transcript has come: up to where all is transcribed. One without times may be of the first of several voices. */
export const transcribed = (d: Draft, endedAt: number | undefined): void => {
  const untimed = Owed.firstOfSeveral(d)?.endedAt ?? d.now
  const to = endedAt === undefined ? untimed : Math.min(d.now, endedAt + Owed.shortOf)
  d.user.heardTo = Math.max(d.user.heardTo, to)
}

/** Whether something was said that has no final transcript yet. */
const owes = ({ session: { ears }, user: { heardTo, spokenTo, voice, words } }: State, now: number): boolean => {
  if (!ears.stt) return false
  if (words.interim !== "" || voice._tag === "Sounding") return true
  const soundedAt = voice._tag === "Paused" ? voice.pausedAt : words.stoppedAt ?? spokenTo - brief
  return soundedAt > heardTo && now - soundedAt < forgetAfter
}

/** Begins to wait, for as long as there is patience. */
const wait = (d: Draft, askAt: number | undefined, answers: boolean): void => {
  const { patience } = d.session
  d.session.lastWords = patience > 0
    ? { _tag: "Waiting", until: d.now + patience, askAt, answers }
    : { _tag: "Over", answers }
}

/** Nobody is listened to any more: what is owed is asked for at once. */
export const hasten = (d: Draft): void => {
  const { lastWords } = d.session
  if (lastWords === undefined || lastWords.answers) {
    if (owes(d, d.now)) wait(d, d.now, false)
  } else if (lastWords._tag === "Waiting" && lastWords.askAt !== undefined) {
    d.session.lastWords = { ...lastWords, askAt: d.now }
  }
}

/** Nothing more is to be waited for, then or now. */
export const over = (d: Draft): void => {
  d.session.lastWords = { _tag: "Over", answers: d.session.lastWords?.answers === true }
}

/** A session that drains answers what was said before: at once, or when its transcript has come. */
export const answer = (d: Draft): void => {
  const { voice, words } = d.user
  const { lastWords, settings } = d.session
  if (settings.detection === "manual" || words.short > 0 || voice._tag === "Sounding") return
  if (lastWords?._tag === "Over" || !owes(d, d.now)) return EndOfTurn.commit(d, "voice")
  wait(d, undefined, true)
  d.actions.push({ _tag: "Finalize" })
}

/**
 * Whether the end has to wait for words: for a voice that still sounds until
 * half of the time is over, then for the recogniser, which is told that no more
 * audio comes. `idle` says that nothing else is left to be done.
 */
export const waits = (d: Draft, idle: boolean): boolean => {
  const owing = owes(d, d.now)
  const sounding = d.user.voice._tag === "Sounding"
  if (d.session.lastWords === undefined && idle && owing) {
    wait(d, sounding ? d.now + d.session.patience / 2 : d.now, false)
  }
  const { lastWords } = d.session
  if (lastWords === undefined) return false
  if (!owing || lastWords._tag === "Over" || d.now >= lastWords.until) {
    d.session.lastWords = { _tag: "Over", answers: lastWords.answers }
    return idle && lastWords.answers && answered(d)
  }
  if (lastWords.askAt !== undefined && (d.now >= lastWords.askAt || !sounding)) {
    d.actions.push({ _tag: "LastWords" })
    d.session.lastWords = { ...lastWords, askAt: undefined }
  }
  return true
}

/** The words that a draining session was waiting for are there. */
const answered = (d: Draft): boolean => {
  if (d.user.words.short === 0 && d.user.words.interim === "") EndOfTurn.commit(d, "voice")
  d.session.lastWords = undefined
  return d.user.pending !== undefined
}

/** When the waiting has something to do. */
export const due = ({ session: { lastWords } }: State): number | undefined =>
  lastWords?._tag === "Waiting" ? Math.min(lastWords.askAt ?? lastWords.until, lastWords.until) : undefined
