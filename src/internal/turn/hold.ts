/** A request to wait: the agent is silent, and nobody replies, until the user goes on. */
import * as Aside from "./aside.ts"
import type { Draft } from "./draft.ts"
import * as Floor from "./floor.ts"
import * as Interruption from "./interruption.ts"
import * as Pause from "./pause.ts"
import type { Span } from "./span.ts"
import * as Turns from "./turns.ts"

/** The user asks for a moment. What the agent says ends here; what waits is said when the wait is over. */
export const begin = (d: Draft, span: Span): void => {
  Aside.flush(d)
  const text = Aside.takeOut(d)
  // What was too short to take the floor was said before, and is answered with what follows.
  const kept = d.user.words.finals.length > 0
  if (kept) Turns.keep(d)
  // It stands behind them.
  Aside.give(d, text, "hold", kept ? { startedAt: d.now, endedAt: d.now } : span)
  d.user.decision = undefined
  d.agent.holdUntil = undefined
  const { voice } = d.user
  if (voice._tag !== "Silent") d.user.voice = { ...voice, dismissed: true }
  const floor = Interruption.takeable(d)
  if (floor !== undefined) Floor.stop(d, floor)
  Pause.justify(d)
  if (d.session.status._tag === "Open") {
    d.user.waitsUntil = Math.max(d.now, span.endedAt + d.session.settings.holdFor)
  }
}

/** They go on, or have been waited for long enough. */
export const end = (d: Draft): void => {
  d.user.waitsUntil = undefined
}
