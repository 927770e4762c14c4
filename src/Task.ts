/**
 * A part of a conversation that ends with a value: an e-mail address, a consent, a booking.
 *
 * A task is an agent, and a schema of what it is to find out. `Session.perform` gives the
 * conversation to that agent until its model has the value; then the agent that had the
 * conversation before goes on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Agent from "./Agent.ts"
import { currentPlain, type Plain, settled } from "./internal/plain.ts"
import { checkSteps, checkTask, type Definition } from "./internal/task.ts"

export { TaskError } from "./internal/taskError.ts"

/**
 * A task that gives an `A`. Its agent requires `R`, and the agent's layers may fail with `E`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Task<in out A, out R = never, out E = never> extends Definition<A, R, E> {}

/**
 * Options of a task.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<A, R = never> {
  /** What the task gives: the schema of an object. The model reads its descriptions. */
  readonly result: Schema.Codec<A, any>
  /**
   * Gets each result first. If it gives a text, the result is refused: the model reads the text and
   * goes on. If it fails, the result is refused, too.
   *
   * @default takes every result
   */
  readonly check?:
    | ((
      result: A,
      session: Plain
    ) => Effect.Effect<string | void, unknown, R> | Promise<string | void> | string | void)
    | undefined
}

/**
 * Makes a task of an agent. Throws `Failure.InvalidOptions` if an option is wrong.
 *
 * **Details**
 *
 * The agent gets two more tools, `complete_task` and `give_up_task`, and a sentence about them at
 * the end of its instructions. If it has no `onEnter`, it begins with a reply of its model.
 *
 * A task is a value: perform it as often as you like, also in several calls at once.
 *
 * **Example** (A booking that asks for an address first)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Agent, Task, Tools } from "effect-voice"
 *
 * const askAddress = Task.make(
 *   Agent.make({
 *     name: "address",
 *     instructions: "Ask for the caller's e-mail address. Spell it out, and let them confirm it."
 *   }),
 *   {
 *     result: Schema.Struct({ address: Schema.String }),
 *     check: ({ address }) => address.includes("@") ? undefined : "That is no e-mail address."
 *   }
 * )
 *
 * const desk = Agent.make({
 *   instructions: "You book rooms.",
 *   tools: Tools.functions({
 *     book: {
 *       description: "Asks for an e-mail address, and books a room",
 *       run: async (_, { session }) => {
 *         const { address } = await session.perform(askAddress)
 *         return `The confirmation goes to ${address}.`
 *       }
 *     }
 *   })
 * })
 * ```
 *
 * @see `Session.perform`, which performs it
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, R, E, RC = never>(agent: Agent.Agent<R, E>, options: Options<A, RC>): Task<A, R | RC, E> => {
  checkTask(agent, options)
  const { check, result } = options
  return {
    agent,
    result,
    check: check &&
      ((found) =>
        Effect.flatMap(
          currentPlain,
          (session) => settled<string | void, RC>("check", () => check(found, session!))
        ))
  }
}

/**
 * What a sequence of tasks gives: the result of each by its name.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Results<Steps extends Readonly<Record<string, Task<any, any, any>>>> = {
  readonly [Name in keyof Steps]: Steps[Name] extends Task<infer A, any, any> ? A : never
}

/**
 * Makes one task of several, which are performed one after the other. Throws
 * `Failure.InvalidOptions` if there is none, or one is no task.
 *
 * **Details**
 *
 * From the second on, the agent of each has one more tool, `go_back`, for a user who wants to change
 * what an earlier one has found out: that one is performed again, and then the present one. The results
 * of all others stay. The model can go back twenty times in all. If a task is given up, so is the
 * sequence: the `TaskError` names that task.
 *
 * **Example** (A booking of two values)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Agent, Task } from "effect-voice"
 *
 * const askNights = Task.make(Agent.make({ name: "nights", instructions: "Ask how many nights the caller stays." }), {
 *   result: Schema.Struct({ nights: Schema.Int })
 * })
 * const askName = Task.make(Agent.make({ name: "name", instructions: "Ask for the caller's name." }), {
 *   result: Schema.Struct({ name: Schema.String })
 * })
 *
 * // session.perform(booking) gives { stay: { nights: 2 }, guest: { name: "Ann" } }
 * const booking = Task.sequence({ stay: askNights, guest: askName })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const sequence = <const Steps extends Readonly<Record<string, Task<any, any, any>>>>(
  steps: Steps
): Task<
  Results<Steps>,
  { [Name in keyof Steps]: Steps[Name] extends Task<any, infer R, any> ? R : never }[keyof Steps],
  { [Name in keyof Steps]: Steps[Name] extends Task<any, any, infer E> ? E : never }[keyof Steps]
> => {
  checkSteps(steps)
  const tasks = Object.entries(steps)
  return {
    agent: tasks[0]![1].agent,
    result: Schema.Struct(Object.fromEntries(tasks.map(([name, { result }]) => [name, result]))) as Schema.Codec<any>,
    check: undefined,
    steps: new Map(tasks)
  }
}
