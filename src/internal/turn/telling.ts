/** When something is told that came after its reply: when it is nobody's turn, and has not been for a while. */
import { isSpelled } from "../text/digits.ts"
import { type Draft, said, tooFewAlone } from "./draft.ts"
import * as Floor from "./floor.ts"
import type { State } from "./model.ts"
import * as Owed from "./owed.ts"

/** Whoever gives a number takes his time between two digits of it (ms). */
const betweenDigits = 4000

/** Nobody speaks or is about to, and nothing but tools keeps anybody waiting. */
const isCalm = ({ agent, session, user }: State): boolean =>
  session.status._tag === "Open" && user.pending === undefined && user.decision === undefined &&
  user.manualUntil === undefined && user.waitsUntil === undefined && !user.unreachable && user.words.interim === "" &&
  (said(user.words) === "" || tooFewAlone(user.words)) &&
  agent.guess === undefined && agent.pause === undefined && agent.speeches.every(({ phase }) => phase === "tools")

/** After every signal: since when it has been nobody's turn. */
export const follow = (d: Draft): void => {
  d.agent.calmSince = isCalm(d) && Floor.quiet(d) ? d.agent.calmSince ?? d.now : undefined
}

/** There is something to tell, once it was calm for so long; `undefined` where there is nothing. */
export const untold = (d: Draft, calm: number | undefined, awaited: boolean): void => {
  d.agent.untold = calm === undefined ? undefined : { calm, since: d.now, awaited }
}

/** The user has given something that may have been a digit or a letter, or has said something else. */
export const heard = (d: Draft, text: string): void => {
  d.user.digitAt = isSpelled(text) ? d.now : undefined
}

export const keyed = (d: Draft): void => {
  d.user.digitAt = d.now
}

/** When it is to be told. */
export const tellAt = (s: State): number | undefined => {
  const { agent: { calmSince, untold }, user: { digitAt } } = s
  if (untold === undefined || calmSince === undefined) return undefined
  // What the recogniser still owes may be the beginning of a turn.
  const heard = Owed.until(s) ?? 0
  if (untold.awaited) return Math.max(calmSince, untold.since, heard)
  const calm = digitAt === undefined ? untold.calm : Math.max(untold.calm, betweenDigits)
  return Math.max(calmSince + calm, untold.since + untold.calm, digitAt === undefined ? 0 : digitAt + calm, heard)
}

export const tell = (d: Draft): void => {
  d.agent.untold = undefined
  d.actions.push({ _tag: "Tell" })
}
