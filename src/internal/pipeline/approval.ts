/**
 * Calls that need an approval: by the program, if the agent has a hook for it, else by the caller,
 * in words. The model gets the instruction to ask the caller. Its call runs when the caller has
 * spoken and not refused, and the model has confirmed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Session } from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import { refuses } from "../text/refusals.ts"
import { confirmation } from "../tools/duplicates.ts"
import { alike } from "../tools/execute.ts"
import type { Core } from "./core.ts"
import { guarded } from "./failures.ts"

interface Asked {
  readonly call: Tools.Call
  /** The turn that was open then: what is said from there on answers. */
  readonly turn: number
}

type Request = Tools.Call & { readonly confirmed: boolean }

// Of more questions the oldest is forgotten: it is asked again.
const mostAsked = 64

/** Whether the last that the caller has said is a plain refusal. */
const refused = (core: Core): boolean => {
  const said = core.history.current().items.findLast((item) => item._tag === "Message" && item.role === "user")
  if (said?._tag !== "Message") return false
  const { phrases: more } = Turn.settings(core.conductor.state())
  return refuses(said.text, { language: core.conductor.language(), more })
}

export const makeApprove = (): (core: Core, call: Request) => Effect.Effect<boolean | string> => {
  let asked: ReadonlyArray<Asked> = []
  return (core, { confirmed, id, name, params }) =>
    Effect.suspend((): Effect.Effect<boolean | string> => {
      const call = { id, name, params }
      const hook = core.agent.bound().onApproval
      if (hook !== undefined) {
        return Effect.map(guarded(core, "onApproval", hook(call)), (approved) => approved === true)
      }
      const tools = core.agent.tools()
      const { turn } = Turn.overview(core.conductor.state())
      const same = (other: Asked) => alike(tools, Context.empty() as Context.Context<Session>, other.call, call)
      const before = asked.find(same)
      if (before !== undefined && confirmed && turn > before.turn) {
        asked = asked.filter((one) => one !== before)
        return Effect.succeed(!refused(core) || "the caller has not agreed")
      }
      if (before === undefined) asked = [...asked.slice(1 - mostAsked), { call, turn }]
      return Effect.succeed(
        "the caller has to approve of it first. Ask them; once they have agreed, call it again with the same parameters " +
          `and "${confirmation(tools.entries.get(name)?.tool)}": true`
      )
    })
}
