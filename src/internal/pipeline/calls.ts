/** The calls of a speech: run in the session, recorded once, whatever becomes of the speech. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import * as History from "../../History.ts"
import { Session } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { CurrentSpeech } from "../session.ts"
import { kept } from "../tools/params.ts"
import { about, type Core, nextId, signal, spanned, stamp } from "./core.ts"
import type { Job } from "./job.ts"

export interface Call {
  readonly id: string
  readonly name: string
  readonly params: unknown
  createdAt: number
}

/** A call without an output. */
export interface Running {
  readonly name: string
  readonly params: Schema.JsonObject
  readonly createdAt: number
  readonly taker: object | undefined
  /** Open once nothing more is to come of it, but by the end of the session. */
  readonly over: Latch.Latch
}

/** Some servers give no ids, or count anew with each reply: a call and its output must find each other. */
export const uniqueId = (core: Core, id: string, step: Set<string>): string => {
  const taken = id === "" || core.calls.has(id) || step.has(id) ||
    core.history.items.some((item) => item._tag === "ToolCall" && item.callId === id)
  const unique = taken ? nextId(core, id === "" ? "call" : id) : id
  step.add(unique)
  return unique
}

/** As a part of the speech in logs and traces, whichever fiber does it. */
export const under = <A, E, R>(job: Job, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const tied = job.turn === undefined ? effect : about({ turn: job.turn.turn })(effect)
  return job.span === undefined ? tied : Effect.withParentSpan(tied, job.span)
}

/** Tells the turn-taking whether the floor is needed: not while only tools run. */
export const tell = (core: Core, job: Job): void =>
  signal(core, { _tag: "Working", speech: job.id, phase: job.acting && job.lines === 0 ? "tools" : "working" })

/**
 * Runs the calls of one step in the session, not in the speech: an interruption ends the speech, not the booking.
 * `asked` is the history that the model was shown.
 */
export const act = (
  core: Core,
  job: Job,
  calls: ReadonlyArray<Call>,
  asked: History.History
): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    job.milestones.toolCalls += calls.length
    job.acting = true
    job.calls = calls.map(({ id }) => id)
    tell(core, job)
    const { tools } = core
    for (const call of calls) {
      const { createdAt, name, params } = call
      const taker = tools.entries.get(name)?.taker
      core.calls.set(call.id, { name, params: kept(params), createdAt, taker, over: Latch.makeUnsafe(false) })
      core.publish({ _tag: "FunctionCallStarted", speech: job.id, id: call.id, name: call.name })
    }
    const all = core.fork(
      under(
        job,
        core.runner.run(tools, calls.map(({ id, name, params }) => ({ id, name, params })), {
          unseen: unseen(tools, core.history, asked)
        }).pipe(
          Effect.provideService(Session, core.session),
          Effect.provideService(CurrentSpeech, job.id),
          Effect.map((outputs) => {
            core.publish({
              _tag: "FunctionCallsFinished",
              speech: job.id,
              calls: outputs.map(({ callId, isFailure, name, output, params }) => ({
                id: callId,
                name,
                params,
                result: output,
                isFailure
              }))
            })
            return outputs.every(({ isFailure, name }) => !isFailure && Tools.annotation(tools, name, Tools.Silent))
          }),
          spanned("tools", { speech: job.id })
        )
      )
    )
    core.acts.add(all)
    all.addObserver(() => core.acts.delete(all))
    const left = Effect.as(Effect.andThen(job.attending.await, core.leaving.await), true)
    const quiet = yield* Effect.raceFirst(Fiber.join(all), left)
    job.acting = false
    tell(core, job)
    return quiet
  })

/** Each output of a tool, once: the call enters the history together with what came of it. */
export const recordOutput = (core: Core, output: Tools.Output): Effect.Effect<void> =>
  Effect.sync(() => {
    const running = core.calls.get(output.callId)
    const createdAt = running?.createdAt ?? stamp(core)
    core.calls.delete(output.callId)
    running?.over.openUnsafe()
    const base = { callId: output.callId, name: output.name, createdAt }
    const call = History.ToolCall.make({ ...base, id: nextId(core, "call"), params: output.params })
    if (running?.taker !== undefined) takers.set(call, running.taker)
    const called = History.insert(core.history, call)
    core.history = History.insert(
      called,
      History.ToolOutput.make({
        ...base,
        id: nextId(core, "output"),
        output: output.output,
        isFailure: output.isFailure
      })
    )
  })

// Whose tools the calls of a history were for; of one that the program has put there nobody knows.
const takers = new WeakMap<History.Item, object>()

/** Calls of these tools whose outputs have come since the model was asked. */
const unseen = (
  tools: Tools.Set<unknown>,
  history: History.History,
  asked: History.History
): ReadonlyArray<Tools.Call> => {
  if (history === asked) return []
  const seen = new Set(asked.items.map(({ id }) => id))
  return history.items.flatMap((item) => {
    if (item._tag !== "ToolCall" || seen.has(item.id)) return []
    const taker = takers.get(item)
    const other = taker !== undefined && taker !== tools.entries.get(item.name)?.taker
    return other ? [] : [{ id: item.callId, name: item.name, params: item.params }]
  })
}

// Always the same words, so that what a provider has cached of a prompt goes on to hold.
const stillRunning = "Still running: there is no result yet. It will stand here, without another call."

/** The history with the calls that are running, each with words in the place of its output. */
export const withRunning = (core: Core): History.History => {
  let { history } = core
  for (const [callId, { createdAt, name, params }] of core.calls) {
    const base = { callId, name, createdAt }
    history = History.insert(history, History.ToolCall.make({ ...base, id: `running-${callId}`, params }))
    history = History.insert(
      history,
      History.ToolOutput.make({ ...base, id: `running-output-${callId}`, output: stillRunning, isFailure: false })
    )
  }
  return history
}

/** Gives tools that an interruption does not end their time to finish; the others end at once. */
export const settleCalls = (core: Core, timeout: number): Effect.Effect<void> =>
  core.runner.cancel.pipe(
    Effect.andThen(
      Effect.suspend(() => Effect.forEach([...core.calls.values()], ({ over }) => over.await, { discard: true }))
    ),
    Effect.timeoutOption(timeout),
    Effect.asVoid
  )

/** Nobody waits for the calls that are running. */
export const abandonCalls = (core: Core): void => {
  for (const { over } of core.calls.values()) over.openUnsafe()
}
