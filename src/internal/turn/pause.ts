/** Silences the agent for a while. The words that follow, or their absence, decide whether it goes on. */
import { type Draft, playing, publish } from "./draft.ts"
import * as Floor from "./floor.ts"
import * as Owed from "./owed.ts"

/** The user talks over the agent: go silent, and see what it was. */
export const interrupt = (d: Draft): void => {
  const floor = playing(d)
  if (floor === undefined || d.agent.pause !== undefined) return
  const { resume } = d.session.settings.interruption
  const patience = Owed.patience(d)
  // Without a voice there is no end of it to wait for.
  const until = d.user.voice._tag === "Silent" ? d.now + patience : undefined
  const hushed = { speech: floor.id, at: d.now, turn: d.user.turn, until }
  const endless = patience === Number.POSITIVE_INFINITY
  if (!resume || endless) {
    Floor.stop(d, floor)
    d.agent.pause = endless ? undefined : { _tag: "CutShort", ...hushed }
    return
  }
  d.agent.pause = { _tag: "Interrupted", ...hushed }
  d.actions.push({ _tag: "Pause", speech: floor.id })
  publish(d, { _tag: "AgentPaused", speech: floor.id })
}

/** The user has taken a turn: go silent until it is clear whether anybody replies. */
export const yieldFloor = (d: Draft): void => {
  const floor = playing(d)
  if (floor === undefined || d.agent.pause !== undefined) return
  d.agent.pause = { _tag: "Yielded", speech: floor.id, at: d.now, until: undefined }
  d.actions.push({ _tag: "Pause", speech: floor.id })
}

/** A turn came of it: what was cut short was so rightly. */
export const justify = (d: Draft): void => {
  if (d.agent.pause?._tag === "CutShort") d.agent.pause = undefined
}

/** It was nothing: go on, or say that it was nothing. */
export const resume = (d: Draft): void => {
  const { pause } = d.agent
  if (pause === undefined) return
  const { signs, words } = d.user
  d.user.words = { ...words, pausedMs: words.pausedMs + d.now - pause.at }
  d.user.signs = signs.map((sign) => ({
    ...sign,
    pausedMs: sign.pausedMs + Math.max(0, d.now - Math.max(pause.at, sign.endedAt))
  }))
  d.agent.pause = undefined
  const resumed = pause._tag !== "CutShort"
  // Whom nothing reaches is not spoken to: see `reach`.
  if (resumed && !d.user.unreachable) {
    d.actions.push({ _tag: "Resume", speech: pause.speech, pausedMs: d.now - pause.at })
  }
  if (pause._tag !== "Yielded") publish(d, { _tag: "FalseInterruption", speech: pause.speech, resumed })
}

/** What is said again puts off what comes behind it: to what was said over the agent, that time has not passed. */
export const wentBack = (d: Draft, speech: string, ms: number): void => {
  if (playing(d)?.id !== speech) return
  const { signs, words } = d.user
  d.user.words = { ...words, pausedMs: words.pausedMs + ms }
  d.user.signs = signs.map((sign) => ({ ...sign, pausedMs: sign.pausedMs + ms }))
}

/** Nobody hears the agent, or they are back: it is silent meanwhile, and goes on where it was. */
export const reach = (d: Draft, reachable: boolean): void => {
  if (d.user.unreachable === !reachable) return
  d.user.unreachable = !reachable
  const floor = playing(d)
  if (floor === undefined || d.agent.pause?.speech === floor.id) return
  d.actions.push({ _tag: reachable ? "Resume" : "Pause", speech: floor.id })
}
