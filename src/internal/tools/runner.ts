/** The running calls of one conversation. */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Call, Output, Runner, Set as Tools } from "../../Tools.ts"
import { alike, failed } from "./execute.ts"

// Of one step, and of all that run at once. A model that asks for more has lost its way.
const mostCalls = 64

interface Running {
  readonly call: Call
  /** Whose tool it calls: those of another agent are none of its business. */
  readonly taker: object | undefined
  readonly cancellable: boolean
  /** The calls that the model made together: they are many on purpose. */
  readonly step: ReadonlyArray<Call>
  readonly output: Deferred.Deferred<Output>
  fiber: Fiber.Fiber<void> | undefined
  /** Why it is being cancelled, in words for the model. */
  cancelled: string | undefined
}

/** What the annotations of a tool say. */
interface Policy {
  readonly cancellable: boolean
  readonly onDuplicate: "once" | "allow" | "reject" | "replace"
}

const cancel = (one: Running, why: string): void => {
  one.cancelled ??= why
  one.fiber?.interruptUnsafe()
}

/** What goes before a call, or why it is not run. */
const before = <R>(
  { call, step, taker }: Running,
  running: ReadonlySet<Running>,
  tools: Tools<R>,
  context: Context.Context<R>,
  { onDuplicate }: Policy,
  unseen: ReadonlyArray<Call>
): ReadonlyArray<Running> | string => {
  if (step.indexOf(call) >= mostCalls) {
    return `Tool ${call.name} was not run: at most ${mostCalls} calls can be made together`
  }
  if (running.size >= mostCalls) return `Tool ${call.name} was not run: ${mostCalls} calls are running already`
  const same = [...running].filter((other) => other.call.name === call.name && other.taker === taker)
  switch (onDuplicate) {
    case "allow":
      return []
    case "reject":
      return same.length > 0 ? `Tool ${call.name} is already running: wait for its result` : []
    case "replace":
      for (const other of same) cancel(other, `Tool ${call.name} was cancelled: a newer call replaced it`)
      return same
    case "once": {
      const equal = same.filter((other) => other.step !== step && alike(tools, context, other.call, call))
      if (equal.some(({ cancelled }) => cancelled === undefined)) {
        return `Tool ${call.name} is still running for an earlier call with the same parameters: ` +
          "nothing was started, and its result will stand with the earlier call"
      }
      return unseen.some((other) => alike(tools, context, other, call))
        ? `Tool ${call.name} has meanwhile ended for an earlier call with the same parameters: ` +
          "nothing was started, and its result stands with the earlier call"
        : equal
    }
  }
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

    const start = Effect.fnUntraced(function*<R>(
      tools: Tools<R>,
      call: Call,
      step: ReadonlyArray<Call>,
      unseen: ReadonlyArray<Call>
    ) {
      const context = yield* Effect.context<R>()
      const rules = policy(tools, call.name)
      const one: Running = {
        call,
        taker: tools.entries.get(call.name)?.taker,
        cancellable: rules.cancellable,
        step,
        output: Deferred.makeUnsafe<Output>(),
        fiber: undefined,
        cancelled: undefined
      }
      const first = closed
        ? `Tool ${call.name} was not run: the conversation is over`
        : before(one, running, tools, context, rules, unseen)
      running.add(one)
      if (typeof first === "string") {
        yield* settle(one, failed(call, first))
        return one
      }
      const work = Effect.andThen(
        Effect.forEach(first, (other) => Deferred.await(other.output), { discard: true }),
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
      run: (tools, calls, { unseen = [] } = {}) =>
        Effect.uninterruptible(Effect.forEach(calls, (call) => start(tools, call, calls, unseen))).pipe(
          Effect.flatMap((started) => Effect.forEach(started, (one) => Deferred.await(one.output)))
        ),
      cancel: cancelWhere(() => true),
      cancelCalls: (ids) => cancelWhere((call) => ids.includes(call.id)),
      running: Effect.sync(() => [...running].map((one) => one.call))
    }
  }
)
