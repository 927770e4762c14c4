/** What a definition is made of, checked where it is made: nothing else can be said of a worker without it. */
import * as Layer from "effect/Layer"
import type { DefineOptions } from "../../Worker.ts"
import * as Check from "../options.ts"
import { ofWorkers } from "../options/counterparts.ts"

type Options = DefineOptions<any, any>

const entry = "write entry: () => Pipeline.run(agent)"
const layer = "such as Layer.mergeAll(SileroVad.layer(), …), or Layer.empty"

const schema = Check.instead(
  Check.struct<Options>()({
    entry: Check.required(
      Check.such<Options["entry"]>(
        (given) => typeof given === "function",
        `be a function that gives what holds a conversation: ${entry}`
      ),
      entry
    ),
    layer: Check.required(
      Check.such<Options["layer"]>(Layer.isLayer, `be a Layer of what its jobs share, ${layer}`),
      `write a Layer of what its jobs share, ${layer}`
    ),
    prewarm: Check.action,
    accept: Check.callback,
    connect: Check.callback,
    // What these say is checked where the worker is run.
    agentName: Check.asIs,
    type: Check.asIs,
    encryption: Check.asIs,
    autoSubscribe: Check.asIs,
    permissions: Check.asIs,
    deployment: Check.asIs,
    joinTimeout: Check.asIs,
    shutdownTimeout: Check.asIs,
    callbackTimeout: Check.asIs,
    afterRoom: Check.asIs,
    prewarmTimeout: Check.asIs,
    warmProviders: Check.asIs
  }),
  ofWorkers
)

/** Throws for what is missing, and for what is no function. */
export const checkDefined = (options: Options): void => void Check.readOrThrow(schema, options)
