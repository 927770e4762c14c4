/**
 * A worker of a LiveKit server: it registers, gets jobs, and runs your program in one room for each
 * job.
 *
 * `define` describes the worker, as a plain value that a module exports by default. `run` runs it
 * in this process, or in a pool of processes that import the module again. Jobs are fibers: each
 * has its own `Room` and its own `Scope`, and the failure of one does not affect the others.
 * Interrupting `run` ends all jobs in order; `serve` and `main` listen to signals and drain first.
 *
 * **Details**
 *
 * The end of a job, whatever caused it: the entry is interrupted if it still runs and has 15
 * seconds to clean up; the callbacks of `Job.onShutdown` run; the scope of the entry closes; the
 * server gets a report; the agent leaves the room. If a step fails or hangs, this is logged, and
 * the next step begins.
 *
 * Needs `@effect/platform-node`, and `@livekit/rtc-node` unless `connect` says
 * otherwise.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { surviving } from "./internal/unawaited.ts"
import { checkDefined } from "./internal/worker/defined.ts"
import { notInstalled, type WorkerError } from "./internal/worker/errors.ts"
import type { EndReason, JobRequest, JobType } from "./internal/worker/job.ts"
import { makePrewarm, type Prewarm } from "./internal/worker/prewarm.ts"
import * as running from "./internal/worker/runMain.ts"
import type { Options } from "./internal/worker/runOptions.ts"
import type { Room, RoomError } from "./Room.ts"

export {
  ConnectionLost,
  ConnectionReason,
  Exhausted,
  ListenFailed,
  MemoryExceeded,
  PackageMissing,
  PrewarmFailed,
  ProtocolViolated,
  TimedOut,
  Unauthorized,
  WorkerError
} from "./internal/worker/errors.ts"
export { type EndReason, type Held, JobRequest, JobType, metadata } from "./internal/worker/job.ts"
export {
  defaultLoad,
  type HttpOptions,
  type LoadFacts,
  type Options,
  type PoolOptions
} from "./internal/worker/runOptions.ts"

/**
 * A job in progress, as its entry sees it.
 *
 * **Details**
 *
 * `identity` is the agent's own in the room. `onShutdown` registers what to do when the job is
 * over, before the agent leaves the room, the latest first; all callbacks together have 10 seconds.
 * A plain function is registered at once, without running the effect. `ending` waits until the job is asked to end while its entry still runs. The entry is interrupted
 * at the same moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job extends JobRequest {
  readonly identity: string
  readonly onShutdown: (callback: Effect.Effect<unknown, unknown> | (() => unknown)) => Effect.Effect<void>
  readonly ending: Effect.Effect<EndReason>
}

/**
 * How the agent appears in the room.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acceptance {
  /** Must be unique in the room. @default "agent-" and the id of the job */
  readonly identity?: string | undefined
  /** @default "" */
  readonly name?: string | undefined
  /** @default "" */
  readonly metadata?: string | undefined
  /** @default {} */
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

/**
 * Whether to take a job: `false` lets the server ask another worker, `"end"` ends the job without an agent.
 *
 * @category models
 * @since 0.1.0
 */
export type Decision = boolean | "end" | Acceptance

/**
 * Permissions of agents in their rooms. The server puts it into their tokens.
 *
 * @category options
 * @since 0.1.0
 */
export interface Permissions {
  /** @default true */
  readonly publish?: boolean | undefined
  /** @default true */
  readonly subscribe?: boolean | undefined
  /** @default true */
  readonly publishData?: boolean | undefined
  /** May change its own attributes, which show its state to frontends. @default true */
  readonly updateMetadata?: boolean | undefined
  /** Not seen by other participants. @default false */
  readonly hidden?: boolean | undefined
}

/**
 * Way into the room of a job.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entrance {
  readonly url: string
  readonly token: Redacted.Redacted
  /** Lets the agent remove others from the room, as `hangUp` does with a telephone caller, and transfer their calls. */
  readonly admin?: Redacted.Redacted | undefined
  readonly autoSubscribe: AutoSubscribe
  readonly job: JobRequest
}

/**
 * Tracks that the agent receives without asking for them.
 *
 * @category models
 * @since 0.1.0
 */
export type AutoSubscribe = "all" | "audio" | "video" | "none"

/**
 * Options of a worker. They apply in every process that runs its jobs.
 *
 * @category options
 * @since 0.1.0
 */
export interface DefineOptions<ROut, E, R = ROut | Room | Scope.Scope> {
  /** Name of the agent in dispatches. With `""` the server sends it to every new room. @default "" */
  readonly agentName?: string | undefined
  /** @default "room" */
  readonly type?: JobType | undefined
  /** One job from its beginning to its end: `() => Pipeline.run(agent)`, which an async function may give, too. */
  readonly entry: (job: Job) => Effect.Effect<unknown, unknown, R> | Promise<Effect.Effect<unknown, unknown, R>>
  /** Built once per process, before the first job; `Layer.empty` where nothing is shared. */
  readonly layer: Layer.Layer<ROut, E>
  /** Once per process, after the layer and the detector are warm, before the first job. @default nothing */
  readonly prewarm?: Effect.Effect<unknown, unknown, NoInfer<ROut>> | (() => unknown) | undefined
  /**
   * Decides whether to take a job. If it fails, or takes longer than two seconds, the job is
   * declined.
   *
   * @default takes every job
   */
  readonly accept?:
    | ((request: JobRequest) => Effect.Effect<Decision, unknown> | Promise<Decision> | Decision)
    | undefined
  /** End-to-end encryption, with the key of everyone in its rooms; for a key of each room, use `connect`. @default none */
  readonly encryption?: { readonly key: Redacted.Redacted } | undefined
  /** How to join a room. @default `LiveKitRoom.connect` */
  readonly connect?:
    | ((entrance: Entrance) => Effect.Effect<Room["Service"], RoomError, Scope.Scope>)
    | undefined
  /** @default "audio" */
  readonly autoSubscribe?: AutoSubscribe | undefined
  readonly permissions?: Permissions | undefined
  /** Target of LiveKit Cloud's deployments. @default "" */
  readonly deployment?: string | undefined
  /** Longest time to join a room. @default "15 seconds" */
  readonly joinTimeout?: Duration.Input | undefined
  /** Time for an entry that is asked to end. @default "15 seconds" */
  readonly shutdownTimeout?: Duration.Input | undefined
  /** Time for all callbacks of `Job.onShutdown`. @default "10 seconds" */
  readonly callbackTimeout?: Duration.Input | undefined
  /** Time for an entry to go on after its room is over. @default "1 minute" */
  readonly afterRoom?: Duration.Input | undefined
  /** Longest time to build the layer and to prewarm. @default "1 minute" */
  readonly prewarmTimeout?: Duration.Input | undefined
  /**
   * Asks each paid provider of the layer for one short answer: a second of
   * silence to the `Stt`, "Hello" to the `Llm` and to the `Tts`.
   *
   * @default false
   */
  readonly warmProviders?: boolean | undefined
}

/**
 * Runtime identifier of a `Definition`.
 *
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId = "~effect-voice/Worker/Definition"

/**
 * A worker as a plain value: the default export of a module.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<out E = never>
  extends Required<Pick<DefineOptions<never, never>, "agentName" | "type" | "autoSubscribe">>
{
  readonly [TypeId]: typeof TypeId
  readonly agentName: string
  readonly type: JobType
  readonly autoSubscribe: AutoSubscribe
  readonly options: Omit<DefineOptions<never, never>, "entry" | "layer" | "prewarm">
  /** @internal */
  readonly open: Prewarm<E>
  /** @internal */
  readonly layer: Layer.Layer<never, E>
}

/** What the compiler shows where a layer lacks what jobs need. */
interface Lacks<in out R> {
  readonly "the layer lacks what entry needs: add it, as with Layer.mergeAll": R
}

type Whole<R> = 0 extends 1 & R ? unknown : [R] extends [never] ? unknown : Lacks<R>

/**
 * Describes a worker. Nothing runs yet. Throws `Failure.InvalidOptions` if `entry` or `layer` is wrong.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Agent, type Llm, Pipeline, type Stt, type Tts, Worker } from "effect-voice"
 * import * as SileroVad from "effect-voice/Layers/SileroVad"
 * import * as SmartTurnDetector from "effect-voice/Layers/SmartTurnDetector"
 *
 * declare const Providers: Layer.Layer<Stt.Stt | Llm.Llm | Tts.Tts>
 *
 * const desk = Agent.make({ instructions: "You answer the phone of a small hotel." })
 *
 * export default Worker.define({
 *   agentName: "desk",
 *   entry: () => Pipeline.run(desk),
 *   layer: Layer.mergeAll(SileroVad.layer(), SmartTurnDetector.layer(), Providers)
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const define = <ROut, E, R = never>(
  options: DefineOptions<ROut, E, R> & { readonly layer: Whole<Exclude<R, ROut | Room | Scope.Scope>> }
): Definition<E> => {
  checkDefined(options)
  // The type of the layer says that there is nothing else which `entry` needs.
  const { entry, layer, prewarm, ...rest } = options as DefineOptions<ROut, E, any>
  return {
    [TypeId]: TypeId,
    agentName: options.agentName ?? "",
    type: options.type ?? "room",
    autoSubscribe: options.autoSubscribe ?? "audio",
    options: rest,
    layer,
    open: makePrewarm({ entry, layer, prewarm, warmProviders: options.warmProviders ?? false })
  }
}

/**
 * Tells whether a value, such as the default export of a module, is a definition.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDefinition = (value: unknown): value is Definition<unknown> => Predicate.hasProperty(value, TypeId)

/**
 * A worker at one moment.
 *
 * **Details**
 *
 * `connection` is `lost` between two attempts to reach the server. `ready` says
 * that jobs are taken, `problem` why they are not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  readonly id: string | undefined
  readonly connection: "connecting" | "registered" | "lost"
  readonly ready: boolean
  readonly problem: string | undefined
  readonly draining: boolean
  readonly load: number
  readonly jobs: number
  readonly maxJobs: number
}

/**
 * A worker that runs.
 *
 * **Details**
 *
 * `drain` takes no more jobs, waits for the running ones, and then ends the worker. `limit`
 * defaults to `drainTimeout`; with a wrong limit nothing is drained. `stop` ends the jobs and the
 * worker now: each step of a job's end has one second. Both return when the worker has ended.
 * `ended` waits for the end, and fails if the server cannot be reached any more, or with `MemoryExceeded`. `simulate` asks
 * the server for a job in a room, to try something out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Worker {
  readonly status: Effect.Effect<Status>
  readonly drain: (options?: { readonly limit?: Duration.Input | undefined }) => Effect.Effect<void, WorkerError>
  readonly stop: Effect.Effect<void>
  readonly ended: Effect.Effect<void, WorkerError>
  readonly simulate: (options: {
    readonly room: string
    readonly participant?: string | undefined
  }) => Effect.Effect<void, WorkerError>
  /** Ports of the HTTP server; none without one. */
  readonly ports: ReadonlyArray<number>
}

const load = Effect.tryPromise({
  try: () => import("./internal/worker/worker.ts"),
  catch: notInstalled("@effect/platform-node")
})

/**
 * Starts a worker in the scope; closing the scope ends its jobs and then the
 * worker, as `run` does when it is interrupted.
 *
 * **Details**
 *
 * Returns when it is registered for the first time. Fails with the layer's own
 * error, or with `WorkerError`: an impossible option, a server that refuses the
 * key or cannot be reached.
 *
 * @category running
 * @since 0.1.0
 */
export const make = <E>(
  definition: Definition<E>,
  options: Options = {}
): Effect.Effect<Worker, WorkerError | E, Scope.Scope> =>
  Effect.flatMap(load, (internal) => internal.make(definition, options))

/**
 * Runs a worker until it is interrupted.
 *
 * **Details**
 *
 * Interruption ends the jobs in good order, without waiting for their natural
 * end: use `serve` for that. Fails as `make` and `Worker.ended` do; a server that
 * is lost for good ends the worker when its last job has ended.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <E>(definition: Definition<E>, options: Options = {}): Effect.Effect<void, WorkerError | E> =>
  Effect.scoped(Effect.flatMap(make(definition, options), (worker) => worker.ended))

/**
 * Runs a worker that listens to SIGTERM and SIGINT: the first drains it, the
 * second ends it now.
 *
 * **Gotchas**
 *
 * `NodeRuntime.runMain` interrupts at the first signal. Use `runMain` of this
 * module for programs around `serve`.
 *
 * @category running
 * @since 0.1.0
 */
export const serve = <E>(definition: Definition<E>, options: Options = {}): Effect.Effect<void, WorkerError | E> =>
  Effect.flatMap(load, (internal) => internal.serve(definition, options))

/**
 * Runs an effect as the program of the process. It does not handle signals. If the effect fails,
 * the failure is logged and the exit code is 1, or 75 for `MemoryExceeded`.
 *
 * @category running
 * @since 0.1.0
 */
export const runMain: <A, E>(effect: Effect.Effect<A, E>) => void = running.runMain

/**
 * Runs a worker as the program of the process: `serve` and `runMain`. A promise that nobody awaited and that is rejected is logged.
 *
 * @category running
 * @since 0.1.0
 */
export const main = <E>(definition: Definition<E>, options: Options = {}): void =>
  runMain(surviving(serve(definition, options)))
