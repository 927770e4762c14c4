/** The user's words: how transcripts add up to a turn, and what each of them sets off. */
import * as Text from "../../Text.ts"
import { hasWord } from "../text/words.ts"
import { audible, type Draft, noWords, publish, said, setAside, spokenAt } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Guess from "./guess.ts"
import * as Interruption from "./interruption.ts"
import type { State } from "./model.ts"
import * as Overlap from "./overlap.ts"
import * as Turns from "./turns.ts"

/** A noise, or words that were set aside, this long ago (ms) are no part of the turn that begins now. */
export const forgetAfter = 10_000

/** How long (ms) the transcript of a voice, or of words that were cleared away, may still come. */
const lateTranscript = 5000

export const heard = (d: Draft, text: string, final: boolean, endedAt: number | undefined): void => {
  if (text.trim() === "" || isCleared(d, final, endedAt)) return
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

/** What was set aside long ago is no part of what is said now, nor is a noise that had no words. */
const leaveBehind = (d: Draft, endedAt: number | undefined): void => {
  const { voice, words } = d.user
  const noise = voice._tag === "Silent" && said(words, true) === "" &&
    (endedAt ?? d.now) - (words.stoppedAt ?? Infinity) > lateTranscript
  if (noise) d.user.words = { ...noWords, limited: words.limited }
  if (missed(d) && setAside(d.user.words) && (endedAt ?? d.now) - spokenAt(d, d.now) > forgetAfter) Turns.keep(d)
}

const add = (d: Draft, text: string, final: boolean, endedAt: number | undefined): void => {
  const { words } = d.user
  const fresh = said(words, true) === ""
  d.user.words = {
    ...words,
    finals: final ? [...words.finals, text] : words.finals,
    interim: final ? "" : text,
    finalAt: final ? d.now : words.finalAt,
    startedAt: words.startedAt ?? d.now,
    newestAt: missed(d) && words.interim === "" ? d.now : words.newestAt,
    stoppedAt: final && endedAt !== undefined
      ? Math.max(words.stoppedAt ?? 0, Math.min(endedAt, d.now))
      : words.stoppedAt,
    overlap: missed(d) ? (fresh || words.overlap) && audible(d, d.now) : words.overlap,
    expectedAt: final ? undefined : words.expectedAt
  }
}

/** The recogniser has settled what it heard: there were no words in it. */
const heardNothing = (d: Draft): void => {
  const { decision, manualUntil, words } = d.user
  const owed = words.stoppedAt !== undefined && (words.finalAt ?? 0) < words.stoppedAt
  d.user.words = { ...words, interim: "", finalAt: owed ? d.now : words.finalAt, expectedAt: undefined }
  if (manualUntil !== undefined) return EndOfTurn.commit(d, "manual")
  if (decision !== undefined && words.interim !== "") EndOfTurn.consider(d)
}

/** Says once that a turn is too long. */
export const limit = (d: Draft): void => {
  const { limits } = d.session.settings
  const { unheeded, words } = d.user
  if (words.limited) return
  const count = unheeded.words + Text.countWords(said(words, true))
  const speechMs = unheeded.speechMs + words.speechMs
  if (count < limits.maxWords && speechMs < limits.maxSpeech) return
  d.user.words = { ...words, limited: true }
  d.actions.push({ _tag: "TurnLimit", words: count, speechMs })
  publish(d, { _tag: "UserTurnLimitReached", words: count, speechMs })
}

/** Forgets what was said, and what is still to be heard of it. */
export const clear = (d: Draft): void => {
  const { voice, words } = d.user
  // What sounded last, and whether its transcript has come.
  const soundedAt = voice._tag === "Silent" ? words.stoppedAt : voice._tag === "Paused" ? voice.pausedAt : d.now
  const owed = words.interim !== "" || (soundedAt !== undefined && (words.finalAt ?? 0) < soundedAt)
  d.user.cleared = owed && d.session.ears.stt ? { at: d.now, until: d.now + lateTranscript } : undefined
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
