/** How a worker runs. */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import * as facts from "./loadFacts.ts"

/**
 * What the load of a worker is told from: the sum over its processes, except
 * for the delay of the event loop, which is the longest, and for the shares of a
 * process's own limits, which are the largest.
 *
 * **Details**
 *
 * `cpu` counts cores in use, `eventLoopDelayMs` is the 99th percentile; both are
 * of the last seconds. `cores` and `memoryLimitBytes` respect a container's
 * limits.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadFacts extends facts.Facts {}

/**
 * How the load is told by default: the largest of CPU against `cores`, memory
 * against `memoryLimitBytes`, event-loop delay against 100 ms, `filesShare`,
 * `heapShare`, and 0.7 × jobs against `maxJobs`; servers give no job to a worker from 0.7 on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const defaultLoad: (facts: LoadFacts) => number = facts.defaultLoad

/**
 * Child processes that run the jobs.
 *
 * @category options
 * @since 0.1.0
 */
export interface PoolOptions {
  /** `file:` URL of the module that exports the definition by default; importing it must run nothing. */
  readonly module: string
  /** 1–64. @default 2 */
  readonly processes?: number | undefined
  /** 1–1000. @default 8 */
  readonly jobsPerProcess?: number | undefined
  /** Memory of a child that is worth a warning, in megabytes. @default 1000 */
  readonly memoryWarning?: number | undefined
  /**
   * Memory at which a child is replaced, in megabytes: it gets no more jobs and
   * ends with its last one; beyond 1.25 times as much it is killed.
   *
   * @default 2000
   */
  readonly memoryLimit?: number | undefined
  /**
   * Megabytes by which a child may have grown since it was ready, beside 20 for each job that runs, before another
   * takes its place: when that is ready, the child gets no more jobs and ends with its last one. One child is replaced
   * at a time, and one without jobs first. Where the worker and its children use six tenths of what they may, 64 are
   * enough. `false`: never.
   *
   * @default 300
   */
  readonly replaceAfterGrowth?: number | false | undefined
  /** Jobs after which a child is replaced in the same way; `false`: never. @default 2000 */
  readonly replaceAfterJobs?: number | false | undefined
  /** Options of Node for the children, beside those of this process. @default [] */
  readonly execArgv?: ReadonlyArray<string> | undefined
}

/**
 * What operators can ask.
 *
 * **Details**
 *
 * `/health` and `/` fail (503) when the event loop stands still, when the
 * connection to the server has been lost for two minutes, or when a job that is
 * over goes on for five. `/ready` fails while the worker takes no jobs.
 * `/metrics` is for Prometheus, `/worker` tells what LiveKit Cloud asks. With
 * a `token`, `/metrics` and `/worker` need it as bearer token, and the others
 * tell no details without it.
 *
 * @category options
 * @since 0.1.0
 */
export interface HttpOptions {
  /** Port; 0 lets the system choose. @default 8081 */
  readonly port?: number | undefined
  /**
   * Address to listen on; `0.0.0.0` for every one of the machine. On loopback, and without a token, only who asks for
   * this machine by its own name is answered.
   *
   * @default METRICS_HOST, else "127.0.0.1"
   */
  readonly host?: string | undefined
  /** Second port, the same but for `/` and `/worker`; `false` for none. @default METRICS_PORT, else 8000 */
  readonly metricsPort?: number | false | undefined
  /** Without them, `/metrics` is not found. @default ENABLE_METRICS, else true */
  readonly metrics?: boolean | undefined
  /** @default none */
  readonly token?: Redacted.Redacted | undefined
}

/**
 * How a worker runs.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** URL of the server. @default LIVEKIT_URL */
  readonly url?: string | undefined
  /** @default LIVEKIT_API_KEY */
  readonly apiKey?: Redacted.Redacted | undefined
  /** @default LIVEKIT_API_SECRET */
  readonly apiSecret?: Redacted.Redacted | undefined
  /** `json` is readable, for debugging. @default "binary" */
  readonly framing?: "binary" | "json" | undefined
  /** Attempts after the first to reach the server, at start. @default 3 */
  readonly retries?: number | undefined
  /** Time between these attempts. @default "2 seconds" */
  readonly retryDelay?: Duration.Input | undefined
  /**
   * Attempts to reach the server again after a loss: at once, then after 2, 4, 6,
   * 8 and from then on 10 seconds each. Jobs go on meanwhile.
   *
   * @default 16
   */
  readonly reconnects?: number | undefined
  /** Jobs at once, 1–10000; a pool has its own numbers. @default 32 */
  readonly maxJobs?: number | undefined
  /**
   * Memory of this process, in megabytes, at which the worker drains by itself and ends with `MemoryExceeded`, so that
   * whoever has started it starts it again. It does not count the children of a pool, which have limits of their own.
   * Without it, the log says once when the process uses six tenths of what it may.
   *
   * @default none
   */
  readonly memoryLimit?: number | undefined
  /** Tells the load, from 0 to 1; must not throw. @default `defaultLoad` */
  readonly load?: ((facts: LoadFacts) => number) | undefined
  /** Load from which on the worker calls itself full; servers stop at 0.7. @default 0.7 */
  readonly loadThreshold?: number | undefined
  /** Time for jobs to end by themselves when the worker drains. @default "1 hour" */
  readonly drainTimeout?: Duration.Input | undefined
  /** @default jobs run in this process */
  readonly pool?: PoolOptions | undefined
  /** @default on */
  readonly http?: HttpOptions | false | undefined
}
