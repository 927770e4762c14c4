/** What an agent may be made of. */
import * as Result from "effect/Result"
import type { Options } from "../Agent.ts"
import type * as History from "../History.ts"
import type * as Llm from "../Llm.ts"
import type * as Stt from "../Stt.ts"
import type * as Tts from "../Tts.ts"
import * as Check from "./options.ts"
import { wrongSources } from "./tools/refused.ts"
import { turn as turnOptions } from "./turn/settings.ts"
import { detector } from "./vad/settings.ts"

type Any = Options<any, any, any, any, any, any, any, any, any, any>

const isRecord = (given: unknown): boolean => typeof given === "object" && given !== null

const history = Check.such<History.History>(
  (given) => isRecord(given) && Array.isArray(given.items),
  "be a History, such as History.empty or History.fromPrompt gives"
)

const own = Check.struct<Any>()({
  name: Check.text(),
  instructions: Check.required(
    Check.such<string>((given) => typeof given === "string", "be a text that tells the agent what to do")
  ),
  tools: Check.asIs,
  history,
  voice: Check.text(),
  stt: Check.such<Stt.Stt["Service"]>(isRecord, "be the service of a recogniser, such as Stt.Stt of its layer"),
  llm: Check.such<Llm.Llm["Service"]>(isRecord, "be the service of a model, such as Llm.Llm of its layer"),
  tts: Check.such<Tts.Tts["Service"]>(isRecord, "be the service of a voice, such as Tts.Tts of its layer"),
  turn: Check.maybe(turnOptions),
  vad: Check.maybe(detector),
  onEnter: Check.action,
  onExit: Check.action,
  onUserTurn: Check.callback,
  onTurnLimit: Check.callback,
  onKey: Check.callback,
  onFailure: Check.callback,
  onEscalation: Check.callback,
  onOrphanedResult: Check.callback,
  onApproval: Check.callback
})

/** Throws for all that cannot be, its tools among it. */
export const checkOptions = (options: Any): void => {
  const read = Check.read(own, options)
  const tools: unknown = options?.tools
  Check.throwAll([
    ...(Result.isFailure(read) ? read.failure.problems : []),
    ...(tools === undefined ? [] : wrongSources(tools))
  ])
}
