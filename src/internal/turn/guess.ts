/** A guess at the reply, made before the turn is over: nobody knows of it until it is the reply. */
import * as Text from "../../Text.ts"
import { busy, type Draft, said, tooFewAlone } from "./draft.ts"

/** After so many turns in a row that nobody was to answer, the next one is not guessed at either. */
const declinedEnough = 2

/** Begins a reply to what was said so far, unless it would be the same as the one that is being made. */
export const make = (d: Draft): void => {
  const { turn, voice, words } = d.user
  const { guess } = d.agent
  // A final transcript, or one that is said to be what the final one will be.
  const text = said(words, true)
  if (guess !== undefined && Text.equivalent(guess.text, text)) return
  if (guess !== undefined) discard(d)
  const { preemption: { llm, maxSpeech, maxTries, tts }, detection } = d.session.settings
  const spokenMs = words.speechMs + (voice._tag === "Silent" ? 0 : d.now - voice.startedAt)
  if (
    !llm || detection === "manual" || d.session.status._tag !== "Open" || tooFewAlone(words) || spokenMs > maxSpeech ||
    words.guesses >= maxTries || d.user.declined >= declinedEnough || busy(d)
  ) return
  const guesses = words.guesses + 1
  const speech = `turn-${turn}.${guesses}`
  d.user.words = { ...words, guesses }
  d.agent.guess = { speech, text }
  d.actions.push({ _tag: "Speculate", speech, turn, text, tts })
}

export const discard = (d: Draft): void => {
  if (d.agent.guess === undefined) return
  d.actions.push({ _tag: "Stop", speech: d.agent.guess.speech })
  d.agent.guess = undefined
}
