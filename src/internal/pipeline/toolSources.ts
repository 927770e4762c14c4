/**
 * Asks the servers of the agent's tools again, between turns: no part of a speech waits for it. An
 * answer is ignored if another agent talks by then, or if the program has given other tools. Ends
 * with the session.
 */
import * as Effect from "effect/Effect"
import { again } from "../tools/found.ts"
import type { Core } from "./core.ts"

export const renewTools = (core: Core): void => {
  const tools = core.agent.tools()
  if (tools.found.length === 0) return
  core.fork(
    Effect.map(again(tools, false), (renewed) => {
      if (renewed !== undefined && core.agent.tools() === tools) core.agent.updated(core.agent.bound(), renewed)
    })
  )
}
