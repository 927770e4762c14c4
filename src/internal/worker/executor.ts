/** Where jobs run: in this process, or in others. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Definition } from "../../Worker.ts"
import { noting } from "../config/findings.ts"
import { invalid, PackageMissing, PrewarmFailed, WorkerError } from "./errors.ts"
import { bounded, makeGracePeriod } from "./gracePeriod.ts"
import type { EndReason } from "./job.ts"
import { type JobRunner, makeJobRunner } from "./jobRunner.ts"
import type { Usage } from "./loadFacts.ts"
import type { JobSettings } from "./options.ts"
import type { Entry } from "./prewarm.ts"

/** A process of a pool as operators see it. */
export interface ChildFacts extends Usage {
  readonly slot: number
  readonly pid: number | undefined
  readonly state: "starting" | "ready" | "retiring" | "gone"
  readonly jobs: number
}

export interface Executor extends Pick<JobRunner, "run" | "hurry" | "running"> {
  readonly end: (id: string, reason: EndReason) => Effect.Effect<void>
  readonly endAll: (reason: EndReason) => Effect.Effect<void>
  /** Jobs that can be taken now, beside those that run. */
  readonly free: () => number
  readonly children: () => ReadonlyArray<ChildFacts>
  /** Has the registry show what other processes have measured by now. */
  readonly measured: Effect.Effect<void>
}

/** The native engine starts before the first call, and is kept between calls: stopping it takes seconds. */
export const holdEngine: Effect.Effect<void, WorkerError, Scope.Scope> = Effect.flatMap(
  Effect.promise(async () => {
    // Read and compiled before the first call, too.
    await import("../livekit/served.ts")
    return import("../livekit/rtc.ts")
  }),
  ({ hold }) =>
    Effect.mapError(
      Effect.asVoid(hold({ captureLogs: false })),
      ({ detail }) => new WorkerError({ reason: new PackageMissing({ package: "@livekit/rtc-node", detail }) })
    )
)

/** Builds the layer and warms it, after what goes first, in time; what cannot be interrupted is left behind. */
export const entryInTime = <E>(
  { open }: Pick<Definition<E>, "open">,
  { prewarmTimeout }: Pick<JobSettings, "prewarmTimeout">,
  first: Effect.Effect<void, WorkerError, Scope.Scope> = Effect.void
): Effect.Effect<Entry, E | WorkerError, Scope.Scope> =>
  Effect.gen(function*() {
    const opening = Effect.andThen(first, noting(open, invalid))
    const opened = yield* bounded(opening, prewarmTimeout, makeGracePeriod())
    if (Option.isSome(opened)) return yield* opened.value
    const detail = `layer and prewarm took more than ${prewarmTimeout} ms (prewarmTimeout)`
    return yield* new WorkerError({ reason: new PrewarmFailed({ detail }) })
  })

/** The same where rooms are LiveKit's, unless the definition says otherwise. */
export const openInTime = <E>(
  definition: Definition<E>,
  settings: JobSettings
): Effect.Effect<Entry, E | WorkerError, Scope.Scope> =>
  entryInTime(definition, settings, definition.options.connect === undefined ? holdEngine : Effect.void)

export const makeLocal = <E>(
  definition: Definition<E>,
  settings: JobSettings
): Effect.Effect<Executor, E | WorkerError, Scope.Scope> =>
  Effect.map(openInTime(definition, settings), (entry) => {
    const runner = makeJobRunner(definition, entry, settings)
    return {
      ...runner,
      free: () => Number.POSITIVE_INFINITY,
      children: () => [],
      measured: Effect.void
    }
  })
