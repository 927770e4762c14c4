/** The user's words: how transcripts add up to a turn, and what each of them sets off. */
import * as Text from "../../Text.ts"
import { hasWord } from "../text/words.ts"
import { audible, type Draft, noWords, publish, said, setAside, spokenAt } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Guess from "./guess.ts"
import * as Interruption from "./interruption.ts"
import * as LastWords from "./lastWords.ts"
import type { State } from "./model.ts"
import * as Overlap from "./overlap.ts"
import * as Owed from "./owed.ts"
import * as Turns from "./turns.ts"

/** A noise, or words that were set aside, this long ago (ms) are no part of the turn that begins now. */
export const forgetAfter = 10_000

export const heard = (d: Draft, transcript: string, final: boolean, endedAt: number | undefined): void => {
  if (transcript.trim() !== "" && isCleared(d, final, endedAt)) return
  const text = fresh(d, transcript, final, endedAt)
  if (!hasWord(text)) return final ? heardNothing(d) : undefined
  const { voice } = d.user
  if (voice._tag !== "Silent" && voice.committed) d.user.voice = { ...voice, committed: false }
  leaveBehind(d, endedAt)
  const repeated = !final && Text.equivalent(d.user.words.interim, text)
  add(d, text.trim(), final, endedAt)
  if (final) {
    d.user.presence = { _tag: "Present" }
    if (d.user.manualUntil !== undefined) return EndOfTurn.commit(d, "manual")
  }
  Overlap.judge(d, repeated)
  Interruption.byWords(d)
  limit(d)
  if (final) Guess.make(d)
  if (setAside(d.user.words)) return
  if (final) EndOfTurn.consider(d)
  else if (d.user.decision !== undefined) {
    if (d.session.settings.detection === "stt") d.user.decision = undefined
    else EndOfTurn.consider(d)
  }
}

/** The detector has missed their voice: the words are all that is known of it. */
const missed = ({ user: { voice, words } }: State): boolean =>
  voice._tag === "Silent" && (words.finalAt ?? 0) >= (words.stoppedAt ?? 0)

/** What was set aside long ago is no part of what is said now. */
const leaveBehind = (d: Draft, endedAt: number | undefined): void => {
  if (missed(d) && setAside(d.user.words) && (endedAt ?? d.now) - spokenAt(d, d.now) > forgetAfter) Turns.keep(d)
}

const add = (d: Draft, text: string, final: boolean, endedAt: number | undefined): void => {
  const { words } = d.user
  const first = said(words, true) === ""
  d.user.words = {
    ...words,
    finals: final ? [...words.finals, text] : words.finals,
    interim: final ? "" : text,
    finalAt: final ? d.now : words.finalAt,
    lastAt: d.now,
    startedAt: words.startedAt ?? d.now,
    stoppedAt: final && endedAt !== undefined
      ? Math.max(words.stoppedAt ?? 0, Math.min(endedAt, d.now))
      : words.stoppedAt,
    overlap: missed(d) ? (first || words.overlap) && audible(d, d.now) : words.overlap,
    expectedAt: final ? undefined : d.user.voice._tag === "Silent" ? d.now + Owed.timeout(d) : words.expectedAt
  }
}

/** The recogniser has settled what it heard: there were no words in it. */
const heardNothing = (d: Draft): void => {
  const { decision, manualUntil, words } = d.user
  const owed = words.stoppedAt !== undefined && (words.finalAt ?? 0) < words.stoppedAt
  d.user.words = { ...words, interim: "", finalAt: owed ? d.now : words.finalAt, expectedAt: undefined }
  if (manualUntil !== undefined) return EndOfTurn.commit(d, "manual")
  if (decision !== undefined && words.interim !== "") EndOfTurn.consider(d)
  if (!Owed.isSettled(d) || said(d.user.words) !== "") return
  if (d.session.settings.interruption.falseInterruptionTimeout !== undefined) return
  // What was silenced, or held back, was so for nothing.
  const { holdUntil, pause } = d.agent
  if (pause?.until !== undefined && pause._tag !== "Yielded") d.agent.pause = { ...pause, until: d.now }
  if (holdUntil !== undefined) d.agent.holdUntil = d.now
}

/** It is told that no final transcript has come: the interim one is the best that there is. */
export const takeInterim = (d: Draft): void => {
  const { interim, stoppedAt } = d.user.words
  if (interim === "" || d.user.voice._tag !== "Silent" || audible(d, d.now)) return
  if (d.session.settings.detection === "manual") return
  heard(d, interim, true, stoppedAt)
  d.user.used = Owed.use(interim, d.now)
}

/** What a transcript adds to an interim one that was used in its place. */
const fresh = (d: Draft, text: string, final: boolean, endedAt: number | undefined): string => {
  const { spokenTo, used, voice } = d.user
  if (used === undefined || text.trim() === "") return text
  const isLate = endedAt === undefined ? voice._tag === "Silent" && spokenTo <= used.at : endedAt <= used.at
  if (d.now > used.until || !isLate) return text
  if (final) d.user.used = undefined
  return LastWords.beyond(used.text, text)
}

/** Says once that a turn is too long. */
export const limit = (d: Draft): void => {
  const { limits } = d.session.settings
  const { words } = d.user
  if (words.limited) return
  const count = Text.countWords(said(words, true))
  if (count < limits.maxWords && words.speechMs < limits.maxSpeech) return
  d.user.words = { ...words, limited: true }
  d.actions.push({ _tag: "TurnLimit", words: count, speechMs: words.speechMs })
  publish(d, { _tag: "UserTurnLimitReached", words: count, speechMs: words.speechMs })
}

/** Forgets what was said, and what is still to be heard of it. */
export const clear = (d: Draft): void => {
  const { voice, words } = d.user
  // What sounded last, and whether its transcript has come.
  const soundedAt = voice._tag === "Silent" ? words.stoppedAt : voice._tag === "Paused" ? voice.pausedAt : d.now
  const owed = words.interim !== "" || (soundedAt !== undefined && (words.finalAt ?? 0) < soundedAt)
  d.user.cleared = owed && d.session.ears.stt ? { at: d.now, until: d.now + Owed.late } : undefined
  d.user.spokenTo = Number.NEGATIVE_INFINITY
  d.user.decision = undefined
  d.user.manualUntil = undefined
  Guess.discard(d)
  d.user.words = voice._tag === "Silent" ? noWords : { ...noWords, startedAt: voice.startedAt }
}

/** Whether a transcript is of words that were cleared away. */
const isCleared = (d: Draft, final: boolean, endedAt: number | undefined): boolean => {
  const { cleared } = d.user
  if (cleared === undefined || d.now > cleared.until) return false
  if (endedAt !== undefined) return endedAt <= cleared.at
  if (final) d.user.cleared = undefined
  return true
}
