/**
 * A value that a call keeps beside its history: an order, a login, a form that is half filled in.
 *
 * A state is one typed value with a schema. Every session has its own copy, which all tools, hooks
 * and agents of the call share. Reads and changes take effect at once. Each change is an event, and
 * is recorded.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as internal from "./internal/callState.ts"
import { Session } from "./Session.ts"

export { CallStateError } from "./internal/callState.ts"

/**
 * A state of a call.
 *
 * **Details**
 *
 * `get`, `set` and `update` require the service `Session`, so use them in tools and hooks. If you
 * have a session as a value, or write plain functions, use `Session.callState`. `update` applies a
 * function to the value without anything in between, and gives the new value.
 *
 * A value that does not fit the schema fails with a `CallStateError`, and the old value stays. A
 * value is copied when it is set, so change it by setting another one. If the new value equals the
 * old one, there is no event.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallState<in out A> {
  readonly name: string
  readonly schema: Schema.Codec<A, any>
  /** The value at the beginning of a call, as JSON. */
  readonly initial: Schema.Json
  readonly get: Effect.Effect<A, never, Session>
  readonly set: (value: A) => Effect.Effect<void, internal.CallStateError, Session>
  readonly update: (change: (value: A) => A) => Effect.Effect<A, internal.CallStateError, Session>
}

/**
 * A state in one call, to read and set (`Session.callState`).
 *
 * @category models
 * @since 0.1.0
 */
export type Held<A> = internal.Held<A>

/**
 * The same as plain functions. They throw if a value is refused.
 *
 * @category models
 * @since 0.1.0
 */
export type PlainHeld<A> = internal.PlainHeld<A>

/**
 * Options of a state.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<A> {
  /** The value at the beginning of every call; each call has a copy. */
  readonly initial: A
}

/**
 * Makes a state, once for all calls. Throws `Failure.InvalidOptions` if `name` is empty or
 * `initial` does not fit the schema.
 *
 * **Example** (An order that two tools share)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Agent, CallState, Session } from "effect-voice"
 * import { Tool, Toolkit } from "effect/ai"
 *
 * const Order = CallState.make("order", Schema.Array(Schema.String), { initial: [] })
 *
 * const Kit = Toolkit.make(
 *   Tool.make("add", {
 *     parameters: Schema.Struct({ item: Schema.String }),
 *     success: Order.schema,
 *     dependencies: [Session.Session]
 *   })
 * )
 *
 * const waiter = Agent.make({ instructions: "You take orders.", tools: Kit }).pipe(
 *   Agent.provide(Kit.toLayer({
 *     add: ({ item }) => Effect.orDie(Order.update((items) => [...items, item]))
 *   }))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(name: string, schema: Schema.Codec<A, any>, options: Options<A>): CallState<A> => {
  const state: CallState<A> = {
    ...internal.define(name, schema, options),
    get: Session.use((session) => session.callState(state).get),
    set: (value) => Session.use((session) => session.callState(state).set(value)),
    update: (change) => Session.use((session) => session.callState(state).update(change))
  }
  return state
}
