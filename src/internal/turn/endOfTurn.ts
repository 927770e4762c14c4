/** Whether the turn is over, what becomes of it then, and the guess that was made before. */
import * as Text from "../../Text.ts"
import * as Phrases from "../text/phrases.ts"
import { audible, busy, type Draft, interruptible, noWords, playing, publish, said, setAside } from "./draft.ts"
import * as Endpointing from "./endpointing.ts"
import * as Floor from "./floor.ts"
import type { State, Words } from "./model.ts"

/** Everything that was said has its final transcript. */
export const transcribed = ({ voice, words }: State): boolean =>
  voice === undefined && words.interim === "" && words.finals.length > 0 &&
  (words.finalAt ?? 0) >= (words.stoppedAt ?? 0)

/** Opens, or opens anew, the decision whether the turn is over. */
export const consider = (d: Draft): void => {
  const { decision, settings, words } = d.s
  if (settings.detection === "manual" || setAside(words) || words.finals.length === 0) return
  // Once the session drains nobody will reply: what is said is kept for its end.
  if (d.s.status === "draining") return
  if (d.s.voice !== undefined && settings.detection === "vad" && !d.s.voice.dismissed) return
  const { max, min } = Endpointing.delays(d.s.endpointing)
  const anchor = Math.min(words.stoppedAt ?? words.finalAt ?? d.now, d.now)
  const id = (decision?.id ?? d.s.turn * 1000) + 1
  const asking = d.s.ears.detector
  d.s.decision = {
    id,
    anchor,
    asking,
    commitAt: asking
      ? Math.max(d.now + settings.endpointing.detectorDeadline, anchor + min)
      : Math.max(d.now, anchor + (words.interim !== "" || Phrases.isHesitation(said(words)) ? max : min))
  }
  d.s.holdUntil = undefined
  if (asking) d.actions.push({ _tag: "AskDetector", decision: id, text: said(words, true) })
}

export const endOfTurn = (d: Draft, id: number, probability: number): void => {
  const { decision, settings } = d.s
  if (decision?.id !== id || !decision.asking) return
  const { max, min } = Endpointing.delays(d.s.endpointing)
  publish(d, { _tag: "EndOfTurnPredicted", probability })
  const delay = probability < settings.endpointing.threshold ? max : min
  d.s.decision = { ...decision, asking: false, commitAt: Math.max(d.now, decision.anchor + delay) }
}

/** A guess at the reply, before the turn is over. */
export const speculate = (d: Draft): void => {
  const { settings, speculation, words } = d.s
  const text = said(words)
  if (speculation !== undefined && Text.equivalent(speculation.text, text)) return
  if (speculation !== undefined) discard(d)
  const spoken = words.speechMs + (d.s.voice === undefined ? 0 : d.now - d.s.voice.startedAt)
  if (
    !settings.preemption.llm || settings.detection === "manual" || d.s.status !== "open" || setAside(words) ||
    spoken > settings.preemption.maxSpeech || words.tries >= settings.preemption.maxTries || busy(d.s)
  ) return
  const speech = `turn-${d.s.turn}.${words.tries + 1}`
  d.s.words = { ...words, tries: words.tries + 1 }
  d.s.speculation = { speech, text }
  d.actions.push({ _tag: "Speculate", speech, turn: d.s.turn, text, tts: settings.preemption.tts })
}

export const discard = (d: Draft): void => {
  if (d.s.speculation === undefined) return
  d.actions.push({ _tag: "Stop", speech: d.s.speculation.speech })
  d.s.speculation = undefined
}

/** The turn is over, unless what was said does not count over a speaking agent. */
export const commit = (d: Draft, source: "voice" | "manual"): void => {
  const { words } = d.s
  const text = said(words, source === "manual")
  d.s.decision = undefined
  if (source === "manual") d.s.manual = undefined
  if (text === "") return
  const floor = playing(d.s)
  const { interruption } = d.s.settings
  if (
    source === "voice" && words.overlap && !words.cutIn && Text.countWords(text) < interruption.minWords &&
    floor !== undefined && interruptible(d.s, floor) && audible(d.s, d.now)
  ) {
    d.s.words = { ...words, kept: words.finals.length }
    return
  }
  const { voice } = d.s
  if (
    source === "voice" && interruption.backchannel && Text.isBackchannel(text) && floor === undefined &&
    d.s.pending === undefined && d.s.speeches.some(({ phase }) => phase === "tools")
  ) return keep(d)
  d.s.words = rest(d.s)
  if (voice !== undefined) {
    // The rest of the voice must interrupt anew to count.
    d.s.voice = { ...voice, committed: true, soundedMs: 0, sounding: voice.sounding === undefined ? undefined : d.now }
  }
  open(d, text, source, words.stoppedAt ?? words.finalAt ?? d.now, words.finalAt ?? d.now)
}

/** What is left of the words once they are a turn: their voice may go on. */
const rest = (s: State): Words => {
  const floor = playing(s)
  return s.voice === undefined
    ? noWords
    : { ...noWords, startedAt: s.voice.startedAt, overlap: floor !== undefined && !interruptible(s, floor) }
}

/** Makes the words a turn without a reply of its own: of words that were set aside, or of consent to what is being done. */
export const keep = (d: Draft): void => {
  discard(d)
  d.actions.push({ _tag: "KeepWords", turn: d.s.turn, text: said(d.s.words) })
  d.s.turn += 1
  d.s.words = rest(d.s)
}

/** From here the words are a turn: they are in the history whatever happens. */
export const open = (
  d: Draft,
  text: string,
  source: "voice" | "text" | "manual",
  stoppedAt: number,
  finalAt: number
): void => {
  // What is typed answers for itself: what was kept before it stands before it.
  if (source === "text" && setAside(d.s.words)) keep(d)
  const turn = d.s.turn
  d.s.turn += 1
  if (d.s.status === "draining" && d.s.lastWords?.answers !== true) {
    d.actions.push({ _tag: "KeepWords", turn, text })
    return
  }
  d.s.holdUntil = undefined
  Floor.forgetPause(d)
  const floor = playing(d.s)
  if (floor !== undefined && interruptible(d.s, floor)) {
    if (d.s.pause === undefined) Floor.pause(d, { silent: true })
  }
  d.s.pending = { turn, text }
  d.actions.push({ _tag: "CommitTurn", turn, text, source, stoppedAt, finalAt })
}

export const accepted = (d: Draft, turn: number, text: string, changed: boolean): void => {
  if (d.s.pending?.turn !== turn) return
  d.s.pending = undefined
  Floor.yieldTo(d)
  const speech = d.s.speculation
  const reuse = speech !== undefined && !changed && Text.equivalent(speech.text, text)
  if (!reuse) discard(d)
  d.s.speculation = undefined
  const id = reuse ? speech.speech : `turn-${turn}`
  Floor.enqueue(d, { id, source: "turn", protected: false, phase: "working" })
  d.actions.push(reuse ? { _tag: "Authorize", speech: id, turn } : { _tag: "StartReply", speech: id, turn })
}

export const declined = (d: Draft, turn: number): void => {
  if (d.s.pending?.turn !== turn) return
  d.s.pending = undefined
  discard(d)
  if (d.s.pause?.silent === true) d.s.pause = { ...d.s.pause, until: d.now }
}

/** Push to talk: commit what was said, once its transcript is there. */
export const commitTurn = (d: Draft, waitMs: number): void => {
  d.actions.push({ _tag: "Finalize" })
  const { voice, words } = d.s
  const until = (voice === undefined ? words.stoppedAt ?? d.now : d.now) + waitMs
  if (transcribed(d.s) || until <= d.now) return commit(d, "manual")
  d.s.manual = { until }
}
