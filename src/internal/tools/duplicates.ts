/**
 * What goes before a call, or why it is not started: pure decisions over the calls that run and those that have ended.
 * The runner owns both, and carries the decision out.
 */
import * as Tool from "effect/ai/Tool"
import type * as Context from "effect/Context"
import type * as Schema from "effect/Schema"
import type { Call, Set as Tools } from "../../Tools.ts"
import { alike } from "./execute.ts"
import { truthOf } from "./mend.ts"
import { repair } from "./params.ts"
import { duplicateOf, voiceOf } from "./voice.ts"

/** Of one step, and of all that run at once. A model that asks for more has lost its way. */
export const mostCalls = 64

/** For so long (ms) after its end a call is not made again without a confirmation. */
export const remembered = 60_000

/** A call, and what of it decides about another. */
export interface Known {
  readonly call: Call
  /** Whose tool it calls: those of another agent are none of its business. */
  readonly taker: object | undefined
  /** The calls that the model made together: they are many on purpose. */
  readonly step: ReadonlyArray<Call>
  /** How many were begun before it. */
  readonly before: number
}

/** A call as the model has made it. */
export interface Made extends Omit<Known, "before"> {
  /** Where it stands in its step. */
  readonly place: number
  /** The model has said that it means it. */
  readonly confirmed: boolean
  /** How many were begun when the model was asked. */
  readonly known: number
}

export interface Under<R> {
  readonly tools: Tools<R>
  readonly context: Context.Context<R>
}

/** A call that had an effect, or failed, and may have had one. */
export interface Ended extends Known {
  readonly effect: "done" | "unknown"
}

/** What has become of earlier calls. */
export interface Past {
  /** For as long as they are remembered. */
  readonly ended: ReadonlyArray<Ended>
  /** Those that were to be confirmed. */
  readonly refused: ReadonlyArray<Known>
}

export type Decision<One> =
  /** It starts when these have ended, of which some are cancelled first. */
  | { readonly _tag: "Start"; readonly after: ReadonlyArray<One>; readonly cancel: ReadonlyArray<One> }
  /** Nothing is started; `why` is in words for the model, who may be `asked` to confirm it. */
  | Refusal

interface Refusal {
  readonly _tag: "Refuse"
  readonly why: string
  readonly asked: boolean
}

export const refuse = (why: string, asked = false): Refusal => ({ _tag: "Refuse", why, asked })

export const decide = <R, One extends Known & { readonly cancelled: string | undefined }>(
  { call, confirmed, known, place, step, taker }: Made,
  running: ReadonlySet<One>,
  { ended, refused }: Past,
  { context, tools }: Under<R>
): Decision<One> => {
  const { name } = call
  if (place >= mostCalls) {
    return refuse(`Tool ${name} was not run: at most ${mostCalls} calls can be made together`)
  }
  if (running.size >= mostCalls) return refuse(`Tool ${name} was not run: ${mostCalls} calls are running already`)
  const mine = (other: Known) => other.call.name === name && other.taker === taker
  const same = [...running].filter(mine)
  const tool = tools.entries.get(name)?.tool
  switch (duplicateOf(tool)) {
    case "allow":
      return { _tag: "Start", after: [], cancel: [] }
    case "reject":
      return same.length > 0
        ? refuse(`Tool ${name} is already running: wait for its result`)
        : { _tag: "Start", after: [], cancel: [] }
    case "replace":
      return { _tag: "Start", after: same, cancel: same }
    case "confirm": {
      const { idempotencyKey } = voiceOf(tools, name)
      const alikes = (other: Known) => mine(other) && alike(tools, context, other.call, call, idempotencyKey)
      // Two replies may be asked for at a time: what one has begun meanwhile, the other cannot mean.
      const asked = confirmed ? refused.findLast((other) => other.before < known && alikes(other))?.before ?? -1 : -1
      const equal = (other: Known) => other.step !== step && other.before > asked && alikes(other)
      const again = `nothing was started. If it is wanted once more, confirm that: call it again with the same ` +
        `parameters and "${confirmation(tool)}": true`
      const first = same.filter(equal)
      if (first.some(({ cancelled }) => cancelled === undefined)) {
        return refuse(`Tool ${name} is already running for an earlier call with the same parameters; ${again}`, true)
      }
      const past = ended.filter(equal)
      if (past.length === 0) return { _tag: "Start", after: first, cancel: [] }
      const what = past.some(({ effect }) => effect === "done")
        ? "has already been done for an earlier call with the same parameters"
        : "failed in an earlier call with the same parameters, and may have been done all the same"
      return refuse(`Tool ${name} ${what}; ${again}`, true)
    }
  }
}

const fieldsOf = (tool: Tool.Any): ReadonlyArray<string> => {
  try {
    const { properties } = Tool.getJsonSchema(tool)
    return typeof properties === "object" && properties !== null ? Object.keys(properties) : []
  } catch {
    return []
  }
}

const confirmations = new WeakMap<Tool.Any, string>()

/** What a model adds to the parameters of a call that it wants made again; a tool may have a parameter of that name. */
export const confirmation = (tool: Tool.Any | undefined): string => {
  if (tool === undefined) return "confirm"
  const known = confirmations.get(tool)
  if (known !== undefined) return known
  const fields = fieldsOf(tool)
  let word = "confirm"
  while (fields.includes(word)) word += "_again"
  confirmations.set(tool, word)
  return word
}

/** The call without its confirmation, and whether it had one. */
export const unconfirmed = (
  tools: Tools<unknown>,
  call: Call
): { readonly call: Call; readonly confirmed: boolean } => {
  const params = repair(call.params)
  const word = confirmation(tools.entries.get(call.name)?.tool)
  if (params._tag === "Other" || !Object.hasOwn(params.object, word)) return { call, confirmed: false }
  const { [word]: said, ...others }: Schema.JsonObject = params.object
  return { call: { ...call, params: others }, confirmed: truthOf(said) === true }
}
