/** The calls of a speech: run in the session, recorded once, whatever becomes of the speech. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import * as History from "../../History.ts"
import { CurrentSpeech, Session } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { kept } from "../tools/params.ts"
import { about, type Core, nextId, signal, spanned, stamp } from "./core.ts"
import type { Speech } from "./speech.ts"

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
export const under = <A, E, R>(speech: Speech, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const tied = speech.turn === undefined ? effect : about({ turn: speech.turn.turn })(effect)
  return speech.span === undefined ? tied : Effect.withParentSpan(tied, speech.span)
}

/** Tells the turn-taking whether the floor is needed: not while only tools run. */
export const tell = (core: Core, speech: Speech): void =>
  signal(core, { _tag: "Working", speech: speech.id, phase: speech.acting && speech.lines === 0 ? "tools" : "working" })

/**
 * Runs the calls of one step in the session, not in the speech: an interruption ends the speech, not the booking.
 * `asked` is the history that the model was shown.
 */
export const act = (
  core: Core,
  speech: Speech,
  calls: ReadonlyArray<Call>,
  asked: History.History
): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    speech.milestones.toolCalls += calls.length
    speech.acting = true
    speech.calls = calls.map(({ id }) => id)
    tell(core, speech)
    const { tools } = core
    for (const call of calls) {
      const { createdAt, name, params } = call
      core.calls.set(call.id, { name, params: kept(params), createdAt, over: Latch.makeUnsafe(false) })
      core.publish({ _tag: "FunctionCallStarted", speech: speech.id, id: call.id, name: call.name })
    }
    const all = core.fork(
      under(
        speech,
        core.runner.run(tools, calls.map(({ id, name, params }) => ({ id, name, params })), {
          unseen: unseen(core.history, asked)
        }).pipe(
          Effect.provideService(Session, core.session),
          Effect.provideService(CurrentSpeech, speech.id),
          Effect.map((outputs) => {
            core.publish({
              _tag: "FunctionCallsFinished",
              speech: speech.id,
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
          spanned("tools", { speech: speech.id })
        )
      )
    )
    core.acts.add(all)
    all.addObserver(() => core.acts.delete(all))
    const left = Effect.as(Effect.andThen(speech.attending.await, core.leaving.await), true)
    const quiet = yield* Effect.raceFirst(Fiber.join(all), left)
    speech.acting = false
    tell(core, speech)
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

/** Calls whose outputs have come since the model was asked. */
const unseen = (history: History.History, asked: History.History): ReadonlyArray<Tools.Call> => {
  if (history === asked) return []
  const seen = new Set(asked.items.map(({ id }) => id))
  return history.items.flatMap((item) =>
    item._tag === "ToolCall" && !seen.has(item.id) ? [{ id: item.callId, name: item.name, params: item.params }] : []
  )
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
