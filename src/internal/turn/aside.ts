/**
 * What is set aside: words of the user that are no turn, each an item of its own
 * in the history, with the reason.
 *
 * A sign of listening waits first, for as long as the agent may still show that
 * it was more (`signs.ts`); everything else is set aside at once. A turn, and the
 * end of the session, set aside what waits.
 */
import { type Draft, fresh } from "./draft.ts"
import * as Guess from "./guess.ts"
import type { AsideReason, Sign } from "./model.ts"
import type { Span } from "./span.ts"

export const give = (d: Draft, text: string, reason: AsideReason, { endedAt, startedAt }: Span): void => {
  d.actions.push({ _tag: "SetAside", text, reason, startedAt, endedAt })
}

/** Takes the words that no decision has looked at yet out of the turn. */
export const takeOut = (d: Draft): string => {
  const { voice, words } = d.user
  const text = fresh(words)
  const left = words.finals.slice(0, words.short)
  d.user.words = {
    ...words,
    finals: left,
    interim: "",
    startedAt: left.length > 0 ? words.startedAt : voice._tag === "Silent" ? undefined : voice.startedAt,
    speechMs: left.length > 0 ? words.speechMs : 0,
    limited: left.length > 0 && words.limited
  }
  Guess.discard(d)
  return text
}

/** Words that have come are set aside for good. */
export const atOnce = (d: Draft, reason: AsideReason, span: Span): void => {
  const text = takeOut(d)
  if (text !== "") give(d, text, reason, span)
}

/** Words that have come wait for what the agent does next. */
export const wait = (d: Draft, reason: AsideReason, span: Span): void => {
  const text = takeOut(d)
  if (text === "") return
  const { startedAt, endedAt } = span
  const { pausedMs } = d.user.words
  const sign: Sign = { text, reason, startedAt, endedAt, pausedMs, turnAt: undefined }
  d.user.signs = [...d.user.signs, sign]
}

/** All that waits is set aside now. */
export const flush = (d: Draft): void => {
  const { signs } = d.user
  d.user.signs = []
  for (const sign of signs) give(d, sign.text, sign.reason, sign)
}
