/** What follows from a step, whatever the signal was: the states that are told. */
import type * as Event from "../../Event.ts"
import { type Draft, playing, publish } from "./draft.ts"
import type { State } from "./model.ts"
import * as Presence from "./presence.ts"

export const settle = (d: Draft): void => {
  const seen = agentState(d)
  const agent = d.agent.hushed && seen === "listening" ? d.agent.state : seen
  const silent = d.user.voice._tag === "Silent"
  Presence.follow(d, silent && agent === "listening" && d.session.status._tag === "Open")
  const user = !silent ? "speaking" : d.user.presence._tag === "Away" ? "away" : "listening"
  if (user !== d.user.state) publish(d, { _tag: "UserStateChanged", from: d.user.state, to: user })
  if (agent !== d.agent.state) publish(d, { _tag: "AgentStateChanged", from: d.agent.state, to: agent })
  d.user.state = user
  d.agent.state = agent
}

const agentState = (s: State): Event.AgentState => {
  switch (s.session.status._tag) {
    case "Starting":
      return "initializing"
    case "Closed":
      return "listening"
    case "Open":
    case "Draining": {
      const floor = playing(s)
      if (floor !== undefined && s.agent.pause?.speech !== floor.id && !s.user.unreachable) {
        return floor.starvedAt === undefined ? "speaking" : "thinking"
      }
      if (s.user.pending !== undefined) return "thinking"
      if (floor !== undefined) return "listening"
      return s.agent.speeches.some(({ phase, source }) => source !== "say" && phase !== "stopping")
        ? "thinking"
        : "listening"
    }
  }
}
