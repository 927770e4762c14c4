/** What an agent may be made of. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Options } from "../Agent.ts"
import type { InvalidOptions } from "../Failure.ts"
import type * as History from "../History.ts"
import { wrongHistory } from "./history/usable.ts"
import * as Check from "./options.ts"
import { ofAgents } from "./options/counterparts.ts"
import { shown } from "./options/shown.ts"
import { wrongSources } from "./tools/refused.ts"
import { turn as turnOptions } from "./turn/settings.ts"
import { detector } from "./vad/settings.ts"

type Any = Options<any, any, any, any, any, any, any, any, any, any, any>

const history = Check.such<History.History>(
  (given) => wrongHistory(given) === undefined,
  (given) => wrongHistory(given)!
)

const own = Check.instead(
  Check.struct<Any>()({
    name: Check.text(),
    instructions: Check.required(
      Check.such<string>(
        (given) => typeof given === "string",
        (given) => `be a text that tells the agent what to do, not ${shown(given)}`
      )
    ),
    tools: Check.asIs,
    history,
    language: Check.text(),
    voice: Check.text(),
    stt: Check.service("the service of a recogniser, such as Stt.Stt of its layer", "transcribe"),
    llm: Check.service("the service of a model, such as Llm.Llm of its layer", "reply"),
    tts: Check.service("the service of a voice, such as Tts.Tts of its layer", "speak"),
    turn: Check.maybe(turnOptions),
    vad: Check.maybe(detector),
    onEnter: Check.action,
    onExit: Check.action,
    onUserTurn: Check.callback,
    onTurnLimit: Check.callback,
    onAway: Check.callback,
    onKey: Check.callback,
    onFailure: Check.callback,
    onEscalation: Check.callback,
    onOrphanedResult: Check.callback,
    onApproval: Check.callback
  }),
  ofAgents
)

/** Throws for all that cannot be, its tools among it. */
export const checkOptions = (options: Any): void => {
  const read = Check.read(own, options)
  const tools: unknown = options?.tools
  Check.throwAll([
    ...(Result.isFailure(read) ? read.failure.problems : []),
    ...(tools === undefined ? [] : wrongSources(tools))
  ])
}

/** What an agent is made by, and nothing else. */
export const checkAgent = (given: unknown): InvalidOptions | undefined => {
  const made = Predicate.hasProperty(given, "bound") && Effect.isEffect(given.bound)
  const detail = "must be made by Agent.make({ instructions: … })"
  return made ? undefined : Check.invalid([{ option: "agent", detail: `${detail}, not ${shown(given)}` }])
}
