/** The calls of a speech: run in the session, recorded once, whatever becomes of the speech. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import * as History from "../../History.ts"
import type * as Llm from "../../Llm.ts"
import { Session } from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import { CurrentSpeech } from "../session.ts"
import { kept } from "../tools/params.ts"
import { about, type Core, signal, spanned } from "./core.ts"
import { attachedOf, type SessionHistory } from "./history.ts"
import type { Speech } from "./speech.ts"

export interface Call {
  readonly id: string
  readonly name: string
  readonly params: unknown
  readonly metadata: Llm.Metadata | undefined
  /** Known once the model has finished the step. */
  step?: History.Step | undefined
  createdAt: number
}

/** A call without an output. */
export interface Running {
  readonly name: string
  readonly params: Schema.JsonObject
  readonly metadata: Llm.Metadata | undefined
  readonly step: History.Step | undefined
  readonly createdAt: number
  readonly taker: object | undefined
  /** Open once nothing more is to come of it, but by the end of the session. */
  readonly over: Latch.Latch
}

/** The calls of a session: those without an output, and the steps that wait for some. Nobody else writes this. */
export interface Calls {
  readonly isRunning: (id: string) => boolean
  readonly running: () => ReadonlyArray<readonly [id: string, call: Running]>
  readonly started: (call: Call, tools: Tools.Set<Session>) => void
  /** Each output of a tool, once: the call enters the history together with what came of it. */
  readonly ended: (output: Tools.Output) => void
  /** Calls of these tools whose outputs have come since the model was asked. */
  readonly unseen: (tools: Tools.Set<Session>, asked: History.History) => ReadonlyArray<Tools.Call>
  /** Nobody waits for a call any more. */
  readonly letGo: (id: string) => void
  /** Steps whose tools are running, whatever has become of their speech. */
  readonly steps: () => ReadonlyArray<Fiber.Fiber<unknown>>
  readonly stepped: (step: Fiber.Fiber<unknown>) => void
}

export const makeCalls = (history: SessionHistory): Calls => {
  const calls = new Map<string, Running>()
  const steps = new Set<Fiber.Fiber<unknown>>()
  // Whose tools the calls of the history were for; of one that the program has put there nobody knows.
  const takers = new WeakMap<History.Item, object>()
  return {
    isRunning: (id) => calls.has(id),
    running: () => [...calls],
    started: ({ createdAt, id, metadata, name, params, step }, tools) => {
      const taker = tools.entries.get(name)?.taker
      calls.set(id, { name, params: kept(params), metadata, step, createdAt, taker, over: Latch.makeUnsafe(false) })
    },
    ended: (output) => {
      const running = calls.get(output.callId)
      calls.delete(output.callId)
      running?.over.openUnsafe()
      const item = history.called(output, running ?? { createdAt: history.stamp() })
      if (running?.taker !== undefined) takers.set(item, running.taker)
    },
    unseen: (tools, asked) => {
      const now = history.current()
      if (now === asked) return []
      const seen = new Set(asked.items.map(({ id }) => id))
      return now.items.flatMap((item) => {
        if (item._tag !== "ToolCall" || seen.has(item.id)) return []
        const taker = takers.get(item)
        const other = taker !== undefined && taker !== tools.entries.get(item.name)?.taker
        return other ? [] : [{ id: item.callId, name: item.name, params: item.params }]
      })
    },
    letGo: (id) => {
      calls.get(id)?.over.openUnsafe()
    },
    steps: () => [...steps],
    stepped: (step) => {
      steps.add(step)
      step.addObserver(() => steps.delete(step))
    }
  }
}

/** Some servers give no ids, or count anew with each reply: a call and its output must find each other. */
export const uniqueId = (core: Core, id: string, step: Set<string>): string => {
  const taken = id === "" || core.calls.isRunning(id) || step.has(id) ||
    core.history.current().items.some((item) => item._tag === "ToolCall" && item.callId === id)
  const unique = taken ? core.nextId(id === "" ? "call" : id) : id
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
): Effect.Effect<boolean, never, Session> =>
  Effect.gen(function*() {
    const session = yield* Session
    speech.milestones.toolCalls += calls.length
    speech.acting = true
    speech.calls = calls.map(({ id }) => id)
    tell(core, speech)
    const tools = core.agent.tools()
    for (const call of calls) {
      core.calls.started(call, tools)
      core.publish({ _tag: "FunctionCallStarted", speech: speech.id, id: call.id, name: call.name })
    }
    const step = core.fork(
      under(
        speech,
        core.runner.run(tools, calls.map(({ id, name, params }) => ({ id, name, params })), {
          unseen: core.calls.unseen(tools, asked)
        }).pipe(
          Effect.provideService(Session, session),
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
    core.calls.stepped(step)
    const left = Effect.as(Effect.andThen(speech.attending.await, core.leaving.await), true)
    const quiet = yield* Effect.raceFirst(Fiber.join(step), left)
    speech.acting = false
    tell(core, speech)
    return quiet
  })

// Always the same words, so that what a provider has cached of a prompt goes on to hold.
const stillRunning = "Still running: there is no result yet. It will stand here, without another call."

/** The history with the calls that are running, each with words in the place of its output. */
export const withRunning = (core: Core): History.History => {
  let history = core.history.current()
  for (const [callId, running] of core.calls.running()) {
    const { createdAt, name, params } = running
    const base = { callId, name, createdAt }
    const call = History.ToolCall.make({ ...base, id: `running-${callId}`, params, ...attachedOf(running) })
    history = History.insert(history, call)
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
      Effect.suspend(() => Effect.forEach(core.calls.running(), ([, { over }]) => over.await, { discard: true }))
    ),
    Effect.timeoutOption(timeout),
    Effect.asVoid
  )

/** Nobody waits for the calls that are running. */
export const abandonCalls = (core: Core): void => {
  for (const [id] of core.calls.running()) core.calls.letGo(id)
}
