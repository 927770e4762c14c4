/** The calls of a speech: run in the session, recorded once, whatever becomes of the speech. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as History from "../../History.ts"
import { CurrentSpeech, Session } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { about, type Core, nextId, signal, spanned, stamp } from "./core.ts"
import type { Job } from "./job.ts"

export interface Call {
  readonly id: string
  readonly name: string
  readonly params: unknown
  createdAt: number
}

/** Some servers give no ids, or count anew with each reply: a call and its output must find each other. */
export const uniqueId = (core: Core, id: string, calls: ReadonlyArray<Call>): string => {
  const taken = id === "" || core.calls.has(id) || calls.some((call) => call.id === id) ||
    core.history.items.some((item) => item._tag === "ToolCall" && item.callId === id)
  return taken ? nextId(core, id === "" ? "call" : id) : id
}

/** As a part of the speech in logs and traces, whichever fiber does it. */
export const under = <A, E, R>(job: Job, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const tied = job.turn === undefined ? effect : about({ turn: job.turn.turn })(effect)
  return job.span === undefined ? tied : Effect.withParentSpan(tied, job.span)
}

/** Tells the turn-taking whether the floor is needed: not while only tools run. */
export const tell = (core: Core, job: Job): void =>
  signal(core, { _tag: "Working", speech: job.id, phase: job.acting && job.lines === 0 ? "tools" : "working" })

/** Runs the calls of one step in the session, not in the speech: an interruption ends the speech, not the booking. */
export const act = (core: Core, job: Job, calls: ReadonlyArray<Call>): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    job.milestones.toolCalls += calls.length
    job.acting = true
    job.calls = calls.map(({ id }) => id)
    tell(core, job)
    const { tools } = core
    for (const call of calls) {
      core.calls.set(call.id, call.createdAt)
      core.publish({ _tag: "FunctionCallStarted", speech: job.id, id: call.id, name: call.name })
    }
    const all = core.fork(
      under(
        job,
        core.runner.run(tools, calls.map(({ id, name, params }) => ({ id, name, params }))).pipe(
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
    const createdAt = core.calls.get(output.callId) ?? stamp(core)
    core.calls.delete(output.callId)
    const base = { callId: output.callId, name: output.name, createdAt }
    const called = History.insert(
      core.history,
      History.ToolCall.make({ ...base, id: nextId(core, "call"), params: output.params })
    )
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
