/** The user's words: how transcripts add up to a turn, and what each of them sets off. */
import * as Text from "../../Text.ts"
import { beyond } from "../text/beyond.ts"
import { head } from "../text/head.ts"
import { phraseKind } from "../text/phrases.ts"
import { hasSpeech } from "../text/words.ts"
import * as Aside from "./aside.ts"
import { audible, type Draft, noWords, publish, reading, said, spokenAt, tooFewAlone } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Guess from "./guess.ts"
import * as Overlap from "./overlap.ts"
import * as Owed from "./owed.ts"
import * as Repeated from "./repeated.ts"
import * as Said from "./said.ts"
import type { Signal } from "./signal.ts"
import * as Signs from "./signs.ts"
import * as Span from "./span.ts"
import * as Turns from "./turns.ts"

/** A noise, or words that were set aside, this long ago (ms) are no part of the turn that begins now. */
export const forgetAfter = 10_000

type Heard = Extract<Signal, { readonly _tag: "Heard" }>

export const heard = (d: Draft, signal: Heard, placed: Span.Placed): void => {
  const { endedAt, final, language } = signal
  if (roomIn(d.user.words.finals) === 0) return overflow(d, final)
  const transcript = signal.text.trim()
  if (transcript !== "" && isCleared(d, final, endedAt)) return
  if (hasSpeech(transcript)) {
    if (final) Repeated.note(d, signal, placed)
    else Repeated.follow(d)
  }
  const { used } = d.user
  const text = fresh(d, transcript, final, endedAt).trim()
  if (!hasSpeech(text)) return final ? heardNothing(d, text) : undefined
  if (final) d.user.worded = d.now
  d.user.words = { ...d.user.words, language }
  if (final && used !== undefined && text !== transcript) {
    // "One moment" that has become "one moment, please" was set aside, and asks for the same.
    const reason = asideKind(d, used.text)
    if (reason !== undefined && reason === asideKind(d, transcript)) return Aside.give(d, text, reason, placed)
  }
  const alone = d.user.words.finals.length === d.user.words.short
  if (alone && Overlap.isEcho(d, text, placed)) return echoed(d, text, final, placed)
  const { voice } = d.user
  if (voice._tag !== "Silent" && voice.committed) d.user.voice = { ...voice, committed: false }
  leaveBehind(d, placed)
  if (final && !Overlap.isSign(d, text, placed)) Signs.goesOn(d, placed.startedAt)
  const repeated = !final && Text.equivalent(d.user.words.interim, text)
  add(d, text, signal, placed)
  if (final) {
    d.user.presence = { _tag: "Present" }
    if (d.user.manualUntil !== undefined) return EndOfTurn.commit(d, "manual")
  }
  Overlap.judge(d, placed, final || repeated)
  if (final && said(d.user.words) === "") return
  limit(d)
  if (final) Guess.make(d)
  else if (EndOfTurn.isTold(d)) {
    if (signal.turn === "eager") Guess.make(d)
    if (signal.turn === "resumed") Guess.discard(d)
  }
  if (tooFewAlone(d.user.words)) return
  if (final) EndOfTurn.consider(d)
  else if (d.user.decision !== undefined) {
    if (d.session.settings.detection === "stt") d.user.decision = undefined
    else EndOfTurn.consider(d)
  }
}

const asideKind = (d: Draft, text: string): "continuer" | "agreement" | "hold" | undefined => {
  const kind = phraseKind(text, reading(d))
  return kind === "cut-in" ? undefined : kind
}

/** What comes back of the agent's own words: nothing that the user has said. */
const echoed = (d: Draft, text: string, final: boolean, placed: Span.Placed): void => {
  const { words } = d.user
  Overlap.ignore(d)
  d.user.words = { ...words, interim: "", heardAt: d.now }
  if (!final) return
  d.user.words = { ...d.user.words, finalAt: d.now, expectedAt: undefined }
  Aside.give(d, text, "echo", placed)
}

/** Words that were too few, long ago, are no part of what is said now. */
const leaveBehind = (d: Draft, { endedAt, missed }: Span.Placed): void => {
  if (missed && tooFewAlone(d.user.words) && endedAt - spokenAt(d, d.now) > forgetAfter) Turns.keep(d)
}

// Of one turn, in characters and in number: twenty minutes without a break. A recogniser that gives more has lost its way.
const longestTurn = 16_384
const mostFinals = 500

const roomIn = (finals: ReadonlyArray<string>): number =>
  finals.length >= mostFinals ? 0 : Math.max(0, longestTurn - finals.reduce((sum, one) => sum + one.length, 0))

/** With one more, as far as there is room; where there is no more of it, that is told. */
const kept = (d: Draft, finals: ReadonlyArray<string>, text: string): ReadonlyArray<string> => {
  const all = [...finals, head(text, roomIn(finals))]
  if (roomIn(all) === 0) {
    publish(d, { _tag: "Warning", component: "stt", message: "a turn has more words than are kept of one" })
  }
  return all
}

/** More of a turn that has no room for it: it counts as heard, no more. */
const overflow = (d: Draft, final: boolean): void => {
  const { words } = d.user
  const finalAt = final ? d.now : words.finalAt
  d.user.words = { ...words, interim: "", heardAt: d.now, finalAt, expectedAt: undefined }
  if (final) EndOfTurn.consider(d)
}

const add = (d: Draft, text: string, { endedAt, final, startedAt }: Heard, placed: Span.Placed): void => {
  // The voice that they might be of is long over: it was a noise.
  const noise = placed.missed && said(d.user.words, true) === "" && (d.user.words.stoppedAt ?? d.now) < placed.startedAt
  const words = noise ? { ...noWords, language: d.user.words.language, limited: d.user.words.limited } : d.user.words
  const first = said(words, true) === ""
  const over = startedAt === undefined && !placed.missed
    ? words.overlap
    : (first || words.overlap) && (Said.wasAudible(d, placed.startedAt) || (!placed.missed && words.overlap))
  d.user.words = {
    ...words,
    heardAt: d.now,
    empty: undefined,
    finals: final ? kept(d, words.finals, text) : words.finals,
    interim: final ? "" : text,
    finalAt: final ? d.now : words.finalAt,
    startedAt: words.startedAt ?? placed.startedAt,
    newestAt: placed.missed && words.interim === "" ? placed.startedAt : words.newestAt,
    stoppedAt: final && endedAt !== undefined
      ? Math.max(words.stoppedAt ?? 0, Math.min(endedAt, d.now))
      : words.stoppedAt,
    overlap: over,
    expectedAt: final ? undefined : expectedAt(d, text, placed)
  }
}

/** A recogniser that goes on hearing words for so long (ms) after the voice will find no end of them. */
const endless = 60_000

/** When the final transcript is overdue: what says the same again says nothing of when it comes. */
const expectedAt = (d: Draft, interim: string, { startedAt }: Span.Placed): number | undefined => {
  const { voice, words } = d.user
  if (voice._tag !== "Silent") return words.expectedAt
  if (words.expectedAt !== undefined && Text.equivalent(words.interim, interim)) return words.expectedAt
  return Math.min(d.now + Owed.timeout(d), Math.max(d.now, (words.stoppedAt ?? words.startedAt ?? startedAt) + endless))
}

/** A voice that lasts so long (ms) has said something. */
const saysSomething = 1000

/** The recogniser finds no word in what may be a sentence: that is told, once until words come. */
const tellEmpty = (d: Draft): void => {
  const { words } = d.user
  if (words.empty === "told" || words.speechMs < saysSomething || words.startedAt === undefined) return
  const reason = words.empty ?? "blank"
  d.user.words = { ...words, empty: "told" }
  publish(d, { _tag: "TranscriptEmpty", startedAt: words.startedAt, speechMs: words.speechMs, reason })
}

/** The recogniser has settled what it heard: there were no words in it. */
const heardNothing = (d: Draft, signs: string): void => {
  const { decision, manualUntil, words } = d.user
  const empty = words.empty ?? (signs === "" ? undefined : "wordless")
  const owed = words.stoppedAt !== undefined && (words.finalAt ?? 0) < words.stoppedAt
  d.user.words = { ...words, empty, interim: "", finalAt: owed ? d.now : words.finalAt, expectedAt: undefined }
  if (manualUntil !== undefined) return EndOfTurn.commit(d, "manual")
  if (decision !== undefined && words.interim !== "") EndOfTurn.consider(d)
  if (!Owed.isSettled(d) || said(d.user.words) !== "") return
  // Words of this voice may have come before, and have been no turn.
  if (owed && d.user.worded < d.user.spokenFrom) tellEmpty(d)
  if (d.session.settings.interruption.falseInterruptionTimeout !== undefined) return
  // What was silenced, or held back, was so for nothing.
  const { holdUntil, pause } = d.agent
  if (pause?.until !== undefined && pause._tag !== "Yielded") d.agent.pause = { ...pause, until: d.now }
  if (holdUntil !== undefined) d.agent.holdUntil = d.now
}

const take = (d: Draft, reason: "commit" | "timeout"): void => {
  const { interim, language, stoppedAt } = d.user.words
  const signal: Heard = { _tag: "Heard", text: interim, final: true, endedAt: stoppedAt, language }
  const used = Owed.use(d, interim, reason)
  const { told } = d.user
  heard(d, signal, Span.place(d, signal))
  d.user.used = used
  d.user.told = told
}

const hasInterim = ({ session: { settings }, user: { voice, words } }: Draft): boolean =>
  words.interim !== "" && voice._tag === "Silent" && settings.detection !== "manual"

/** It is told that no final transcript has come: the interim one is the best that there is. */
export const takeInterim = (d: Draft): void => {
  if (hasInterim(d) && !audible(d, d.now)) take(d, "timeout")
}

/**
 * An agent that was paused is about to go on, for no final transcript has come: an interim one that is more than a sign
 * of listening counts instead, once the final one is overdue. Gives whether there is one.
 */
export const takeOverdue = (d: Draft): boolean => {
  const { pause } = d.agent
  if (!hasInterim(d) || pause === undefined || pause._tag === "Yielded") return false
  const { interim, startedAt = d.now, stoppedAt = d.now } = d.user.words
  if (Overlap.isSign(d, interim, { startedAt, endedAt: stoppedAt })) return false
  const until = Owed.until(d) ?? 0
  if (until > d.now) d.agent.pause = { ...pause, until }
  else take(d, "commit")
  return true
}

/** What a transcript adds to an interim one that was used in its place. */
const fresh = (d: Draft, text: string, final: boolean, endedAt: number | undefined): string => {
  const { spokenTo, used, voice } = d.user
  if (used === undefined || text.trim() === "") return text
  const timed = endedAt !== undefined
  const isLate = timed ? endedAt <= used.at : voice._tag === "Silent" && spokenTo <= used.at
  // Of another utterance nothing was used.
  const until = Math.max(used.until, used.at + (timed ? Owed.lateWithTimes : Owed.forgetAfter))
  if (!isLate || d.now > until) return text
  const more = beyond(used.text, text)
  // Without times only the same words, all of them, are still the same so much later.
  if (more === text.trim() || (more !== "" && !timed && d.now > used.until)) return text
  // A recogniser that goes on saying the same has heard nothing else.
  d.user.used = final ? undefined : { ...used, until: d.now + Owed.late }
  return more
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
  const voicedTo = voice._tag === "Paused" ? voice.pausedAt : d.now
  const hasWords = voice._tag !== "Silent" && voicedTo - voice.startedAt >= Owed.shortest
  const soundedAt = hasWords ? voicedTo : words.stoppedAt
  const owed = words.interim !== "" || (soundedAt !== undefined && (words.finalAt ?? 0) < soundedAt)
  d.user.cleared = owed && d.session.ears.stt
    ? { at: d.now, soundedAt: soundedAt ?? d.now, until: d.now + Owed.late }
    : undefined
  d.user.spokenTo = Number.NEGATIVE_INFINITY
  d.user.signs = []
  d.user.decision = undefined
  d.user.manualUntil = undefined
  Guess.discard(d)
  d.user.words = voice._tag === "Silent" ? noWords : { ...noWords, startedAt: voice.startedAt }
}

type Cleared = NonNullable<Draft["user"]["cleared"]>

/** Whether something else was said since words were cleared away. */
const spokenSince = ({ now, user: { voice, words } }: Draft, { at, soundedAt }: Cleared): boolean => {
  const [from, to] = voice._tag === "Silent"
    ? [words.startedAt, words.stoppedAt]
    : [voice.startedAt, voice._tag === "Paused" ? voice.pausedAt : now]
  return from !== undefined && to !== undefined && to > at && (from > at || soundedAt < at)
}

/** Whether a transcript is of words that were cleared away. */
const isCleared = (d: Draft, final: boolean, endedAt: number | undefined): boolean => {
  const { cleared } = d.user
  if (cleared === undefined || d.now > cleared.until) return false
  if (endedAt !== undefined) return endedAt <= cleared.at
  // What a recogniser is late with is less likely than what has been said since.
  const isOfNext = spokenSince(d, cleared) && Owed.isOverdue(d, cleared.soundedAt)
  if (final || isOfNext) d.user.cleared = undefined
  return !isOfNext
}
