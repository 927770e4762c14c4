/**
 * What the words that are said over the agent are: an answer to it, or a sign of
 * listening. It is the time of the words that counts: nothing is a sign of
 * listening to an agent that nobody heard, or that has fallen silent since.
 */
import * as Text from "../../Text.ts"
import * as Phrases from "../text/phrases.ts"
import { type Draft, said, setAside } from "./draft.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Interruption from "./interruption.ts"
import type { Words } from "./model.ts"
import * as Pause from "./pause.ts"

type Verdict = "backchannel" | "interruption" | "unknown"

/** Judges the words, or has them judged. */
export const judge = (d: Draft, repeated: boolean): void => {
  const { words } = d.user
  const { ears, settings } = d.session
  if (!settings.interruption.backchannel || !words.overlap) return
  if (ears.judge) d.actions.push({ _tag: "Judge", text: said(words, true) })
  else take(d, verdictOf(words, repeated))
}

const verdictOf = (words: Words, repeated: boolean): Verdict => {
  const text = Interruption.unjudged(words)
  if (Text.isBackchannel(text)) return "backchannel"
  if (Text.isCutIn(text)) return "interruption"
  // "No" may be the beginning of "November".
  return (words.interim === "" || repeated) && Phrases.isOutcry(text) ? "interruption" : "unknown"
}

/** A verdict may be late: it holds for the words that were asked about, and an interruption for more of them. */
export const judged = (d: Draft, text: string, verdict: Verdict): void => {
  const now = said(d.user.words, true)
  if (now === text || (verdict !== "backchannel" && now.startsWith(text))) take(d, verdict)
}

const take = (d: Draft, verdict: Verdict): void => {
  const { turn, voice, words } = d.user
  if (!words.overlap) return
  if (verdict !== "backchannel") {
    if (voice._tag !== "Silent" && voice.dismissed) d.user.voice = { ...voice, dismissed: false }
    if (verdict === "unknown") return Interruption.byVoice(d)
    Interruption.cutIn(d)
    if (!setAside(words)) return
    d.user.words = { ...d.user.words, kept: 0 }
    return EndOfTurn.consider(d)
  }
  if (words.interim === "") d.user.words = { ...words, kept: words.finals.length }
  if (voice._tag !== "Silent") d.user.voice = { ...voice, dismissed: true }
  d.user.decision = undefined
  d.agent.holdUntil = undefined
  const { pause } = d.agent
  // A pause that a committed turn has made, or made its own, is not for these words to end.
  if (pause !== undefined && pause._tag !== "Yielded" && pause.turn === turn) Pause.resume(d)
}
