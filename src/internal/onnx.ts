/**
 * The door to onnxruntime-node: the few members that are used here.
 */
import { env } from "node:process"
import { notLoaded } from "./notLoaded.ts"

export interface Tensor {
  readonly data: unknown
  readonly dims: ReadonlyArray<number>
}

export interface Session {
  readonly inputNames: ReadonlyArray<string>
  readonly outputNames: ReadonlyArray<string>
  /** Blocks the thread while it computes, but begins in a later turn of the event loop. */
  readonly run: (
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor>>
  ) => Promise<unknown>
  readonly release: () => Promise<void>
}

export interface Runtime {
  readonly Tensor: new(
    type: "float32" | "int64",
    data: Float32Array | BigInt64Array,
    dims: ReadonlyArray<number>
  ) => Tensor
  readonly InferenceSession: {
    readonly create: (
      model: Uint8Array,
      options: {
        readonly executionProviders: ReadonlyArray<string>
        readonly intraOpNumThreads: number
        readonly interOpNumThreads: number
        readonly logSeverityLevel: 0 | 1 | 2 | 3 | 4
      }
    ) => Promise<Session>
  }
}

const isRuntime = (module: unknown): module is Runtime =>
  typeof module === "object" && module !== null && "InferenceSession" in module && "Tensor" in module

/** Says what to install. */
export class Missing {
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}

/**
 * Loads the package, in any thread.
 *
 * It reports how it is used to its maker, over the network, unless the
 * environment says otherwise before it is loaded; this one does not, unless the
 * environment says so.
 */
export const load = async (): Promise<Runtime> => {
  env["ORT_DISABLE_TELEMETRY"] ??= "1"
  const module: { readonly default?: unknown } = await import("onnxruntime-node").catch((cause) => {
    throw new Missing(notLoaded("onnxruntime-node", cause))
  })
  const found: unknown = module.default ?? module
  if (!isRuntime(found)) {
    throw new Missing("the package onnxruntime-node has no InferenceSession; install version 1.24 or later")
  }
  return found
}

/** Opens a model on one thread of the processor, without a word in the log. */
export const openSession = (runtime: Runtime, bytes: Uint8Array): Promise<Session> =>
  runtime.InferenceSession.create(bytes, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4
  })
