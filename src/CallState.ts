/**
 * What a call has in mind beside its history: an order, a login, how far a form
 * is filled in.
 *
 * A state is one typed value with a schema. Every session has its own, which
 * tools, hooks and agents of the call share, from the first agent to the last. It
 * is read and set at once; each change is an event, and is recorded.
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
 * `get`, `set` and `update` are for tools, hooks and whoever else has a `Session`;
 * `Session.callState` is for a session at hand, and for plain functions. `update`
 * sets what the function makes of the value, with nothing in between, and gives it.
 *
 * What does not fit the schema is refused with a `CallStateError`, and the value
 * stays as it was. A value is copied when it is set: change it by setting another
 * one. A value that equals the one before is no change.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallState<in out A> {
  readonly name: string
  readonly schema: Schema.Codec<A, any>
  /** What a call begins with, as JSON. */
  readonly initial: Schema.Json
  readonly get: Effect.Effect<A, never, Session>
  readonly set: (value: A) => Effect.Effect<void, internal.CallStateError, Session>
  readonly update: (change: (value: A) => A) => Effect.Effect<A, internal.CallStateError, Session>
}

/**
 * What is read and set of a state in one call (`Session.callState`).
 *
 * @category models
 * @since 0.1.0
 */
export type Held<A> = internal.Held<A>

/**
 * The same as plain functions: at once, and what is refused throws.
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
  /** What every call begins with; each has a copy. */
  readonly initial: A
}

/**
 * Makes a state, once for all calls. Throws `Failure.InvalidOptions` where `name` is
 * empty or `initial` does not fit the schema.
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
export const make = <A>(name: string, schema: Schema.Codec<A, any>, { initial }: Options<A>): CallState<A> => {
  const state: CallState<A> = {
    ...internal.define(name, schema, initial),
    get: Session.use((session) => session.callState(state).get),
    set: (value) => Session.use((session) => session.callState(state).set(value)),
    update: (change) => Session.use((session) => session.callState(state).update(change))
  }
  return state
}
