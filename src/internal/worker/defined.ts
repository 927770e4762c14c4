/** What a definition is made of, checked where it is made: nothing else can be said of a worker without it. */
import * as Layer from "effect/Layer"
import type { DefineOptions } from "../../Worker.ts"
import * as Check from "../options.ts"
import { ofWorkers } from "../options/counterparts.ts"

type Needed = Pick<DefineOptions<any, any>, "entry" | "layer" | "prewarm" | "accept" | "connect">

const entry = "write entry: () => Pipeline.run(agent)"
const layer = "such as Layer.mergeAll(SileroVad.layer(), …), or Layer.empty"

/** Said of a worker where it is run. */
const others: Readonly<Record<Exclude<keyof DefineOptions<any, any>, keyof Needed>, true>> = {
  agentName: true,
  type: true,
  encryption: true,
  autoSubscribe: true,
  permissions: true,
  deployment: true,
  joinTimeout: true,
  shutdownTimeout: true,
  callbackTimeout: true,
  afterRoom: true,
  prewarmTimeout: true,
  warmProviders: true
}

const needed = Check.closed<Needed>()(
  {
    entry: Check.required(
      Check.such<Needed["entry"]>(
        (given) => typeof given === "function",
        `be a function that gives what holds a conversation: ${entry}`
      ),
      entry
    ),
    layer: Check.required(
      Check.such<Needed["layer"]>(Layer.isLayer, `be a Layer of what its jobs share, ${layer}`),
      `write a Layer of what its jobs share, ${layer}`
    ),
    prewarm: Check.action,
    accept: Check.callback,
    connect: Check.callback
  },
  Object.keys(others),
  ofWorkers
)

/** Throws for what is missing, and for what is no function. */
export const checkDefined = (options: Needed): void => void Check.readOrThrow(needed, options)
