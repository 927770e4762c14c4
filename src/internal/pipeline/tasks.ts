/**
 * Performs tasks: the conversation goes to the agent of a task until its model has the result, then
 * back to the agent that had it. However the wait for it ends, the conversation goes back.
 */
import * as Tool from "effect/ai/Tool"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import type * as Agent from "../../Agent.ts"
import * as Session from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { given } from "../agent.ts"
import { CurrentHook } from "../session.ts"
import { type Definition, wrongTask } from "../task.ts"
import { TaskError } from "../taskError.ts"
import { fromFunction } from "../tools/entry.ts"
import { asking } from "./asking.ts"
import type { Core } from "./core.ts"
import type { Handoff } from "./handoff.ts"
import { letOthersAnswer } from "./measuring.ts"
import { owe } from "./outstanding.ts"

const rule = "When you know all that `complete_task` asks for, call it at once, and say nothing with it. " +
  "If the user will not or cannot tell you, call `give_up_task`."

const silent = Tools.voice({ result: "silent" })

const complete = Tool.make("complete_task", {
  description: "Ends this part of the conversation with what you were to find out"
}).annotate(Tool.Idempotent, true).annotateMerge(silent)

const giveUp = Tool.make("give_up_task", {
  description: "Ends this part of the conversation, if the user will not or cannot tell you"
}).annotate(Tool.Idempotent, true).annotateMerge(silent)

const back = Tool.make("go_back", {
  description: "Goes back to something that the user has told before, because they want to change it"
}).annotate(Tool.Idempotent, true).annotateMerge(silent)

/** A model that goes back for ever asks nobody anything. */
const mostBack = 20

/** The user wants to change what an earlier step has found out. */
class Back {
  readonly to: string
  constructor(to: string) {
    this.to = to
  }
}

/** The tools with which a model ends a task, or goes back to `earlier` ones. */
const endsOf = <A, R>(
  core: Core,
  { agent: { name }, check, result }: Definition<A, R, unknown>,
  earlier: ReadonlyArray<string>,
  done: Deferred.Deferred<A | Back, TaskError>
): Tools.Set<R> => {
  const ends = (how: Effect.Effect<boolean>) => Effect.andThen(letOthersAnswer(core), how)
  const entries = [
    ...(earlier.length === 0 ? [] : [
      fromFunction<R>(
        back.setParameters(Schema.Struct({ to: Schema.Literals(earlier) })),
        (value) => ends(Deferred.succeed(done, new Back((value as { readonly to: string }).to)))
      )
    ]),
    fromFunction<R>(complete.setParameters(result), (value) =>
      Effect.gen(function*() {
        const wrong = yield* check?.(value as A) ?? Effect.void
        if (typeof wrong === "string") return yield* new Tools.ToolError({ message: wrong })
        yield* ends(Deferred.succeed(done, value as A))
      })),
    fromFunction<R>(giveUp, () => ends(Deferred.fail(done, new TaskError({ task: name, reason: "GivenUp" }))))
  ]
  return { entries: new Map(entries.map((entry) => [entry.tool.name, entry])), found: [] }
}

/** Where the agent has nothing to say, its model begins. */
const opening = Session.Session.use((session) => session.reply())

/** The agent of a task while it is performed once. */
const performer = <A, R, E>(
  core: Core,
  task: Definition<A, R, E>,
  earlier: ReadonlyArray<string>,
  done: Deferred.Deferred<A | Back, TaskError>
): Agent.Agent<R | Session.Session, E> => {
  const { agent } = task
  return {
    ...agent,
    instructions: `${agent.instructions}\n\n${rule}`,
    bound: Effect.gen(function*() {
      const bound = yield* agent.bound
      const { onEnter, tools: ends } = yield* given<never, R, Session.Session>(
        Effect.succeed(endsOf(core, task, earlier, done)),
        { onEnter: opening }
      )
      return {
        ...bound,
        tools: yield* Tools.add(bound.tools, ends),
        onEnter: bound.onEnter ?? onEnter
      }
    })
  }
}

/** Performs one task, from which the model may go back to `earlier` ones. */
const performOne = <A, E>(
  core: Core,
  lend: Handoff["lend"],
  task: Definition<A, Session.Given, E>,
  earlier: ReadonlyArray<string>,
  session: Session.Session["Service"]
): Effect.Effect<A | Back, TaskError | E> =>
  Effect.gen(function*() {
    const failed = (reason: TaskError["reason"]) => Effect.fail(new TaskError({ task: task.agent.name, reason }))
    const hook = yield* CurrentHook
    if (hook?.name === "onUserTurn" && !hook.over()) return yield* failed("Deadlock")
    const { answered, begins, dropped, during } = yield* asking(core)
    const done = Deferred.makeUnsafe<A | Back, TaskError>()
    const result = Effect.flatMap(Effect.exit(Deferred.await(done)), (exit) => {
      answered()
      return exit
    })
    const wait = (lost: Latch.Latch) =>
      Effect.suspend(() => {
        begins()
        return Effect.raceAllFirst([
          result,
          Effect.flatMap(lost.await, () => {
            dropped()
            return failed("HandedOver")
          }),
          Effect.andThen(core.leaving.await, failed("SessionEnded"))
        ])
      })
    const found = yield* Effect.ensuring(
      lend(performer(core, task, earlier, done), session, (lost) => during(wait(lost))),
      // Of what has come meanwhile the agent that waited tells.
      Effect.sync(() => owe(core))
    )
    return found === undefined ? yield* failed("SessionEnded") : found
  })

/** Performs one after the other, and again what the user wants to change. */
const performAll = <E>(
  steps: ReadonlyMap<string, Definition<unknown, Session.Given, E>>,
  one: (
    task: Definition<unknown, Session.Given, E>,
    earlier: ReadonlyArray<string>
  ) => Effect.Effect<unknown, TaskError | E>
): Effect.Effect<Record<string, unknown>, TaskError | E> =>
  Effect.gen(function*() {
    const found = new Map<string, unknown>()
    const todo = [...steps.keys()]
    let left = mostBack
    while (todo.length > 0) {
      const name = todo[0]!
      const earlier = left > 0 ? [...found.keys()].filter((one) => one !== name) : []
      const result = yield* one(steps.get(name)!, earlier)
      if (result instanceof Back) {
        left--
        todo.unshift(result.to)
      } else {
        found.set(name, result)
        todo.shift()
      }
    }
    return Object.fromEntries([...steps.keys()].map((name) => [name, found.get(name)]))
  })

export const perform = <A, R, E>(
  core: Core,
  lend: Handoff["lend"],
  ready: Session.ReadyTask<A, R, E>,
  session: Session.Session["Service"]
): Effect.Effect<A, TaskError | E> =>
  Effect.suspend(() => {
    const wrong = wrongTask(ready)
    if (wrong !== undefined) return Effect.die(wrong)
    const performing = <B>(
      task: Definition<B, Session.Given, E>,
      earlier: ReadonlyArray<string>
    ): Effect.Effect<B | Back, TaskError | E> =>
      task.steps === undefined
        ? performOne(core, lend, task, earlier, session)
        : performAll(task.steps, performing) as Effect.Effect<B, TaskError | E>
    // Its type says that it needs nothing but what the session has.
    return performing(ready as Definition<A, Session.Given, E>, []) as Effect.Effect<A, TaskError | E>
  })
