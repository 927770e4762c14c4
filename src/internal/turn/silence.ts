/**
 * What the agent's silence does to words that were said over it: those of its
 * last second answer it, whatever was made of them, and those that were too few
 * to take the floor are a turn now, however long ago they were said. Between two things that it
 * says an agent may take a breath, and is not silent yet.
 */
import * as Phrases from "../text/phrases.ts"
import { audible, breath, type Draft, fresh, playing, reading, spokenAt, tooFewAlone } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import type { Pause, State } from "./model.ts"
import * as Said from "./said.ts"
import * as Signs from "./signs.ts"

/** What is said so shortly (ms) before the agent falls silent answers it: a second, and by how much its ears err. */
const answersWithin = 1250

/** After every signal: whether the agent that was heard before it still is. `finished` says that it was at its end. */
export const follow = (d: Draft, before: State, finished: boolean): void => {
  if (audible(d, d.now)) {
    d.agent.silentSince = undefined
    Said.audibleFrom(d)
    if (!audible(before, d.now)) Signs.floorTaken(d)
    return
  }
  const since = playing(d)?.starvedAt
  Said.silentFrom(d, since === undefined ? d.now : Math.min(since, d.now))
  if (!audible(before, d.now)) staysSilent(d)
  else if (finished && goesOn(d)) {
    d.agent.silentSince = d.now
    if (Said.question(d)) Signs.questionEnded(d)
  } else fellSilent(d, d.now, before.agent.pause)
}

const staysSilent = (d: Draft): void => {
  const since = d.agent.silentSince
  if (since === undefined || (d.now - since < breath && goesOn(d))) return
  d.agent.silentSince = undefined
  fellSilent(d, since, undefined)
}

/** The agent has more to say, and what was said over it was no more than a sign of listening, as far as is known. */
const goesOn = (s: State): boolean => {
  const { words } = s.user
  const text = fresh(words)
  const kind = Phrases.phraseKind(text, reading(s))
  return s.session.settings.interruption.backchannel && words.short === 0 &&
    (text === "" || kind === "continuer" || kind === "agreement") &&
    s.user.pending === undefined && s.agent.speeches.some(({ phase }) => phase !== "stopping")
}

/** Nobody hears the agent any more: what was said just now was said to that silence, whatever was made of it. */
const fellSilent = (d: Draft, at: number, pause: Pause | undefined): void => {
  Said.question(d)
  Signs.fellSilent(d, at, { ...d, agent: { ...d.agent, pause } })
  const { voice, words } = d.user
  if (words.short === 0 && !answers(d, d.now, at, pause)) return
  if (voice._tag !== "Silent" && voice.dismissed && d.user.signs.length === 0 && words.finals.length > 0) {
    d.user.voice = { ...voice, dismissed: false }
  }
  d.user.words = { ...words, overlap: false, short: 0 }
  if (tooFewAlone(words)) EndOfTurn.consider(d)
}

/**
 * Whether what was said last was said so shortly before the agent's silence,
 * from `at` on, that it answers it: in time of the agent's speech, which goes on
 * where a pause has stopped it.
 */
const answers = (s: State, now: number, at: number, pause: Pause | undefined): boolean => {
  const pausedMs = s.user.words.pausedMs + (pause === undefined ? 0 : at - pause.at)
  return at - spokenAt(s, now) - pausedMs <= answersWithin
}

/** Since when the agent has run out of audio, if words that were set aside answer that silence. */
const starvedSince = (s: State): number | undefined => {
  const since = playing(s)?.starvedAt
  if (since === undefined || s.agent.pause !== undefined || (!tooFewAlone(s.user.words) && s.user.signs.length === 0)) {
    return undefined
  }
  if (s.user.signs.length > 0) return s.user.signs[0]?.turnAt === undefined ? since : undefined
  return answers(s, since + breath, since, undefined) ? since : undefined
}

/** When a breath will have been too long; `undefined` if the agent takes none. */
export const breathEndsAt = ({ agent: { silentSince } }: State): number | undefined =>
  silentSince === undefined ? undefined : silentSince + breath

/** When an agent that plays, but has nothing to play, will have been silent for too long to leave words set aside. */
export const starvedTooLongAt = (s: State): number | undefined => {
  const since = starvedSince(s)
  return since === undefined ? undefined : since + breath
}

export const starvedTooLong = (d: Draft): void => {
  const since = starvedSince(d)
  if (since !== undefined) fellSilent(d, since, undefined)
}
