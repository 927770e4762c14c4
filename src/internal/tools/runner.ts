/** The running calls of one conversation. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Call, Output, Runner, Set as Tools } from "../../Tools.ts"
import { failed } from "./execute.ts"

interface Running {
  readonly call: Call
  readonly cancellable: boolean
  readonly output: Deferred.Deferred<Output>
  fiber: Fiber.Fiber<void> | undefined
  /** Why it is being cancelled, in words for the model. */
  cancelled: string | undefined
}

/** What the annotations of a tool say. */
interface Policy {
  readonly cancellable: boolean
  readonly onDuplicate: "allow" | "reject" | "replace"
}

export const make: (options: {
  readonly execute: <R>(tools: Tools<R>, call: Call) => Effect.Effect<Output, never, R>
  readonly policy: (tools: Tools<unknown>, name: string) => Policy
  readonly onOutput: ((output: Output) => Effect.Effect<void>) | undefined
}) => Effect.Effect<Runner, never, Scope.Scope> = Effect.fnUntraced(
  function*({ execute, onOutput, policy }) {
    const running = new Set<Running>()
    let closed = false
    const fibers = yield* FiberSet.make<void>()
    yield* Effect.addFinalizer(() => Effect.sync(() => void (closed = true)))

    const settle = (one: Running, output: Output): Effect.Effect<void> =>
      Effect.suspend(() => {
        running.delete(one)
        return onOutput?.(output) ?? Effect.void
      }).pipe(
        Effect.catchCause((cause) => Effect.logError("A listener to tool outputs failed", cause)),
        Effect.andThen(Deferred.succeed(one.output, output))
      )

    const cancel = (one: Running, why: string): void => {
      one.cancelled ??= why
      one.fiber?.interruptUnsafe()
    }

    const start = Effect.fnUntraced(function*<R>(tools: Tools<R>, call: Call) {
      const { cancellable, onDuplicate } = policy(tools, call.name)
      const before = onDuplicate === "allow" ? [] : [...running].filter((other) => other.call.name === call.name)
      const one: Running = {
        call,
        cancellable,
        output: yield* Deferred.make<Output>(),
        fiber: undefined,
        cancelled: undefined
      }
      running.add(one)
      if (closed) {
        yield* settle(one, failed(call, `Tool ${call.name} was not run: the conversation is over`))
        return one
      }
      const rejected = onDuplicate === "reject" && before.length > 0
      if (!rejected) {
        for (const other of before) cancel(other, `Tool ${call.name} was cancelled: a newer call replaced it`)
      }
      const work = rejected
        ? Effect.succeed(failed(call, `Tool ${call.name} is already running: wait for its result`))
        : Effect.andThen(
          Effect.forEach(before, (other) => Deferred.await(other.output), { discard: true }),
          execute(tools, call)
        )
      one.fiber = yield* FiberSet.run(
        fibers,
        Effect.uninterruptibleMask((restore) =>
          restore(work).pipe(
            Effect.catchCause(() =>
              Effect.sync(() =>
                failed(call, one.cancelled ?? `Tool ${call.name} was cancelled: the conversation is over`)
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

    const cancelWhere = (chosen: (call: Call) => boolean): Effect.Effect<ReadonlyArray<string>> =>
      Effect.sync(() => {
        const cancellable = [...running].filter((one) =>
          one.cancellable && one.cancelled === undefined && chosen(one.call)
        )
        for (const one of cancellable) cancel(one, `Tool ${one.call.name} was cancelled: the user interrupted`)
        return cancellable.map((one) => one.call.id)
      })

    return {
      run: (tools, calls) =>
        Effect.uninterruptible(Effect.forEach(calls, (call) => start(tools, call))).pipe(
          Effect.flatMap((started) => Effect.forEach(started, (one) => Deferred.await(one.output)))
        ),
      cancel: cancelWhere(() => true),
      cancelCalls: (ids) => cancelWhere((call) => ids.includes(call.id)),
      running: Effect.sync(() => [...running].map((one) => one.call))
    }
  }
)
