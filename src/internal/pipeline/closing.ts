/**
 * The end of a session: tools have some time, then the agent leaves, then everything is released. A
 * step that hangs must not prevent the end: it is interrupted first, and then left behind.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type * as Event from "../../Event.ts"
import type * as Room from "../../Room.ts"
import * as Turn from "../../Turn.ts"
import { abandonCalls, settleCalls } from "./calls.ts"
import { type Core, signal } from "./core.ts"
import { abandon } from "./generation.ts"
import { leave } from "./handoff.ts"
import type { Checked } from "./options.ts"
import { orphan } from "./outstanding.ts"
import { endLine, idsOf } from "./participant.ts"
import type { Runtime } from "./runtime.ts"

/** Ends that the agent's side has brought about: it has said goodbye, or waits no longer for a line that rings. */
const goodbyes: ReadonlySet<Event.CloseReason> = new Set<Event.CloseReason>([
  "hang_up",
  "time_limit",
  "user_away",
  "budget",
  "unanswered"
])

export interface Closing {
  /** Takes the session apart, once. */
  readonly finish: (reason: Event.CloseReason) => void
  /** Sees to it that an end which was asked for comes. */
  readonly watch: (drain: boolean, reason: Event.CloseReason) => void
  /** Ends it at once, and waits for that, when the scope that holds it closes first. */
  readonly abort: Effect.Effect<void>
}

export const makeClosing = (
  core: Core,
  parts: {
    readonly room: Room.Room["Service"]
    readonly runtime: Runtime
    readonly toolScope: Scope.Closeable
    /** What the end runs in: it outlives the session's own fibers. */
    readonly services: Context.Context<never>
    readonly ended: Deferred.Deferred<Event.CloseReason>
    readonly ids: Readonly<Record<string, string | number>>
    readonly log: (message: string) => Effect.Effect<void>
  },
  { closeTimeout, drainTimeout, hookTimeout }: Pick<Checked, "closeTimeout" | "drainTimeout" | "hookTimeout">
): Closing => {
  const { ended, ids, log, room, runtime, services, toolScope } = parts
  let finishing = false
  let forced = false

  /** Whether nobody goes on with the caller: whoever is alerted of a failure may. */
  const isLast = (reason: Event.CloseReason): boolean =>
    goodbyes.has(reason) || reason === "provider_failures" && core.agent.bound().onEscalation === undefined

  /** What does not end in time is left behind. */
  const within = (cleanUp: Effect.Effect<unknown>): Effect.Effect<unknown> =>
    Effect.flatMap(
      Effect.forkDetach(cleanUp, { startImmediately: true }),
      (fiber) => Effect.timeoutOption(Fiber.join(fiber), closeTimeout)
    )
  const finish = (reason: Event.CloseReason): void => {
    if (finishing) return
    finishing = true
    Effect.runForkWith(services)(
      Effect.gen(function*() {
        // Nobody at a telephone waits on a dead line while the agent cleans up.
        const line = isLast(reason) ? endLine(core, room, closeTimeout) : Effect.void
        yield* Effect.all([line, settleCalls(core, closeTimeout)], { concurrency: 2, discard: true })
        yield* within(Effect.andThen(
          Scope.close(toolScope, Exit.void),
          Effect.suspend(() => Fiber.awaitAll(core.calls.steps()))
        ))
        yield* orphan(core, hookTimeout)
        yield* leave(core, closeTimeout)
        abandon(core)
        core.publish({ _tag: "SessionClosed", session: core.id, reason })
        yield* Effect.annotateLogs(log("the conversation is over"), {
          reason,
          turns: Turn.overview(core.conductor.state()).turn - 1,
          ...idsOf(core.participant.current())
        })
        yield* within(Scope.close(runtime.scope, Exit.void))
        yield* Deferred.succeed(ended, reason)
      }).pipe(Effect.annotateLogs(ids))
    )
  }
  const force = (reason: Event.CloseReason): void => {
    forced = true
    signal(core, { _tag: "Close", drain: false, reason, now: true })
    finish(reason)
  }
  return {
    finish,
    watch: (drain, reason) => {
      if (forced) return
      core.fork(Effect.andThen(
        Effect.sleep(drain ? drainTimeout : closeTimeout),
        Effect.sync(() => drain ? signal(core, { _tag: "Close", drain: false, reason }) : force(reason))
      ))
    },
    abort: Effect.suspend(() => {
      abandonCalls(core)
      signal(core, { _tag: "Close", drain: false, reason: "closed", now: true })
      return Effect.asVoid(Effect.timeoutOption(Deferred.await(ended), closeTimeout * 2))
    })
  }
}
