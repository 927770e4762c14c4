/** Silence in which the user waits for a reply: when it lasts too long, something else is said meanwhile. */
import { type Draft, playing } from "./draft.ts"
import * as Floor from "./floor.ts"
import type { State } from "./model.ts"

/** Whether the user waits for something, and hears nothing. */
const owes = (s: State): boolean =>
  s.session.status._tag === "Open" && !s.user.unreachable && s.user.decision === undefined && Floor.quiet(s) &&
  playing(s) === undefined &&
  (s.user.pending !== undefined ||
    s.agent.speeches.some(({ phase, source }) => source !== "say" && (phase === "working" || phase === "tools")))

/** After every signal: since when. */
export const follow = (d: Draft): void => {
  d.agent.owedSince = owes(d) ? d.agent.owedSince ?? d.now : undefined
}

/** When something else is to be said: once a turn, and not too soon after the last time. */
export const fillAt = ({ agent: { filled, owedSince }, session: { filler }, user }: State): number | undefined => {
  if (filler === undefined || owedSince === undefined || filled?.turn === user.turn) return undefined
  return Math.max(owedSince + filler.after, (filled?.at ?? -Infinity) + filler.apart)
}

export const fill = (d: Draft): void => {
  d.agent.filled = { at: d.now, turn: d.user.turn }
  d.actions.push({ _tag: "Fill" })
}
