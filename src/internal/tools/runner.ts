/** The running calls of one conversation, and for a while those that have ended. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Call, Output, Runner, Set as Tools } from "../../Tools.ts"
import { logOwn } from "../foreign.ts"
import { steadyClock } from "../steady.ts"
import { decide, type Ended as Past, type Known, refuse, remembered, unconfirmed } from "./duplicates.ts"
import { atWork, effectOf, failed } from "./execute.ts"
import { voiceOf } from "./voice.ts"

interface Running extends Known {
  readonly cancellable: boolean
  readonly output: Deferred.Deferred<Output>
  fiber: Fiber.Fiber<void> | undefined
  /** Why it is being cancelled, in words for the model. */
  cancelled: string | undefined
}

interface Ended extends Past {
  readonly at: number
}

// Beyond so many the oldest are forgotten before their time.
const mostRemembered = 256

const cancel = (one: Running, why: string): void => {
  one.cancelled ??= why
  one.fiber?.interruptUnsafe()
}

export const make: (options: {
  readonly execute: <R>(tools: Tools<R>, call: Call, confirmed: boolean) => Effect.Effect<Output, never, R>
  readonly onOutput: ((output: Output) => Effect.Effect<void>) | undefined
}) => Effect.Effect<Runner, never, Scope.Scope> = Effect.fnUntraced(
  function*({ execute, onOutput }) {
    const running = new Set<Running>()
    let ended: Array<Ended> = []
    let refused: Array<Known> = []
    let closed = false
    let begun = 0
    const now = yield* steadyClock
    const fibers = yield* FiberSet.make<void>()
    yield* Effect.addFinalizer(() => Effect.sync(() => void (closed = true)))

    const settle = (one: Running, output: Output): Effect.Effect<void> =>
      Effect.suspend(() => {
        running.delete(one)
        const effect = effectOf(output)
        if (effect !== "none") {
          const { before, call, step, taker } = one
          ended = [...ended.slice(1 - mostRemembered), { before, call, step, taker, effect, at: now() }]
        }
        return onOutput?.(output) ?? Effect.void
      }).pipe(
        Effect.catchCause((cause) => logOwn("A listener to tool outputs failed", cause)),
        Effect.andThen(Deferred.succeed(one.output, output))
      )

    const begin = Effect.fnUntraced(function*<R>(
      tools: Tools<R>,
      step: ReadonlyArray<Call>,
      place: number,
      known: number
    ) {
      const context = yield* Effect.context<R>()
      const { call, confirmed } = unconfirmed(tools, step[place]!)
      const one: Running = {
        call,
        taker: tools.entries.get(call.name)?.taker,
        cancellable: voiceOf(tools, call.name).onInterruption === "cancel",
        step,
        before: begun++,
        output: Deferred.makeUnsafe<Output>(),
        fiber: undefined,
        cancelled: undefined
      }
      ended = ended.filter(({ at }) => now() - at <= remembered)
      const decision = closed
        ? refuse(`Tool ${call.name} was not run: the conversation is over`)
        : decide({ ...one, confirmed, known, place }, running, { ended, refused }, { tools, context })
      running.add(one)
      if (decision._tag === "Refuse") {
        if (decision.asked) {
          refused = [...refused.slice(1 - mostRemembered), { call, taker: one.taker, step, before: one.before }]
        }
        yield* settle(one, failed(call, decision.why))
        return one
      }
      for (const other of decision.cancel) cancel(other, `Tool ${call.name} was cancelled: a newer call replaced it`)
      const work = Effect.andThen(
        Effect.forEach(decision.after, (other) => Deferred.await(other.output), { discard: true }),
        execute(tools, call, confirmed)
      )
      one.fiber = yield* FiberSet.run(
        fibers,
        Effect.uninterruptibleMask((restore) =>
          restore(work).pipe(
            Effect.catchCause(() =>
              Effect.sync(() =>
                one.cancelled === undefined
                  ? atWork(failed(call, `Tool ${call.name} was cancelled: the conversation is over`))
                  : failed(call, one.cancelled)
              )
            ),
            Effect.flatMap((output) => settle(one, output))
          )
        ),
        // A fiber that is interrupted before it starts would leave its call without an output.
        { startImmediately: true }
      )
      // It was cancelled by what it did first, when there was no fiber to interrupt yet.
      if (one.cancelled !== undefined) one.fiber.interruptUnsafe()
      return one
    })

    const cancelWhere = (chosen: (one: Running) => boolean, why: string): Effect.Effect<ReadonlyArray<string>> =>
      Effect.sync(() => {
        const cancelled = [...running].filter((one) => one.cancelled === undefined && chosen(one))
        for (const one of cancelled) cancel(one, `Tool ${one.call.name} was cancelled: ${why}`)
        return cancelled.map((one) => one.call.id)
      })

    const start: Runner["start"] = (tools, calls, { known = Number.POSITIVE_INFINITY } = {}) =>
      Effect.uninterruptible(Effect.forEach(calls, (_, place) => begin(tools, calls, place, known))).pipe(
        Effect.map((started) => started.map(({ output }) => Deferred.await(output)))
      )

    const interrupted = "the user interrupted"
    return {
      start,
      run: (tools, calls, step) => Effect.flatMap(start(tools, calls, step), (outputs) => Effect.all(outputs)),
      cancel: cancelWhere(({ cancellable }) => cancellable, interrupted),
      cancelCalls: (ids) => cancelWhere(({ call, cancellable }) => cancellable && ids.includes(call.id), interrupted),
      end: (ids) => cancelWhere(({ call }) => ids.includes(call.id), "it is not wanted any more"),
      running: Effect.sync(() => [...running].map((one) => one.call)),
      begun: Effect.sync(() => begun)
    }
  }
)
