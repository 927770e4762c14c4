/** The calls of a speech: run in the session, recorded once, whatever becomes of the speech. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import * as History from "../../History.ts"
import type * as Llm from "../../Llm.ts"
import { Session } from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import { CurrentSpeech } from "../session.ts"
import { worked } from "../tools/execute.ts"
import { isToBeTold, whatRuns } from "../tools/outstanding.ts"
import { kept } from "../tools/params.ts"
import { type Voice, voiceOf } from "../tools/voice.ts"
import { about, type Core, signal, spanned } from "./core.ts"
import { guarded } from "./failures.ts"
import { attachedOf } from "./history.ts"
import { owe } from "./outstanding.ts"
import type { Speech, Steps } from "./speech.ts"
import { want } from "./wishes.ts"

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
  /** As the history is to have it. */
  readonly item: History.ToolCall
  readonly voice: Voice
  /** When it was made (ms). */
  readonly startedAt: number
  /** The speech that waits for it; `undefined` in the background. */
  readonly waitedFor: string | undefined
  readonly steps: Steps
  /** The place of the agent that asked for it. */
  readonly place: object
  /** Open once nothing more is to come of it, but by the end of the session. */
  readonly over: Latch.Latch
  /** A model was shown that it runs. */
  shown: boolean
  /** It waits for the user, and not the user for it. */
  asks: boolean
  /** The newest of what it gave before its result. */
  progress: Schema.Json | undefined
}

/** The calls of a session: those without an output, and the steps that wait for some. Nobody else writes this. */
export interface Calls {
  readonly isRunning: (id: string) => boolean
  readonly running: () => ReadonlyArray<readonly [id: string, call: Running]>
  readonly started: (speech: Speech, call: Call, about: Pick<Running, "voice" | "startedAt" | "place">) => void
  /** Takes it out: it has an output. */
  readonly take: (id: string) => Running | undefined
  /** A call waits for the user, or does so no longer. */
  readonly asking: (id: string, asks: boolean) => void
  /** Opens once nothing more is to come of a call that runs. */
  readonly over: (id: string) => Latch.Latch | undefined
  /** Nobody waits for a call any more. */
  readonly letGo: (id: string) => void
  /** Steps whose tools are running, whatever has become of their speech. */
  readonly steps: () => ReadonlyArray<Fiber.Fiber<unknown>>
  readonly stepped: (step: Fiber.Fiber<unknown>) => void
}

export const makeCalls = (nextId: Core["nextId"]): Calls => {
  const calls = new Map<string, Running>()
  const steps = new Set<Fiber.Fiber<unknown>>()
  return {
    isRunning: (id) => calls.has(id),
    running: () => [...calls],
    started: (speech, { createdAt, id, name, params, ...more }, { place, startedAt, voice }) => {
      const base = { id: nextId("call"), createdAt, callId: id, name }
      calls.set(id, {
        item: History.ToolCall.make({ ...base, params: kept(params), ...attachedOf(more) }),
        voice,
        startedAt,
        place,
        waitedFor: voice.background === false ? speech.id : undefined,
        steps: speech.steps,
        over: Latch.makeUnsafe(false),
        shown: false,
        asks: false,
        progress: undefined
      })
    },
    take: (id) => {
      const running = calls.get(id)
      calls.delete(id)
      return running
    },
    asking: (id, asks) => {
      const running = calls.get(id)
      if (running !== undefined) running.asks = asks
    },
    over: (id) => calls.get(id)?.over,
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

/** Each output of a tool, once: the call enters the history together with what came of it, which may still be to be told. */
export const ended = (core: Core, output: Tools.Output): void => {
  const running = core.calls.take(output.callId)
  if (running === undefined) return
  const { item, place, shown, startedAt, steps, voice, waitedFor } = running
  running.over.openUnsafe()
  core.history.called(output, item, shown, !core.leaving.isOpen())
  if (isToBeTold(voice, output, worked(output))) {
    const { callId: id, isFailure: failed, name } = output
    core.outstanding.add({ id, name, failed, startedAt, output, waitedFor, steps, place, awaited: false })
  }
  owe(core)
}

/** What a tool gives before its result: shown to the model, or said to the caller, where the tool wants that. */
export const progressed = (core: Core, id: string, result: Schema.Json, given: unknown): void => {
  const running = core.calls.running().find(([call]) => call === id)?.[1]
  if (running === undefined) return
  const { caller, model } = running.voice.progress
  if (model) running.progress = result
  const text = caller?.(given)
  if (text !== undefined && text.trim() !== "") want(core, { source: "say", text })
}

// Servers take no more of a name in a request; of an id some take even less.
const longestName = 64
const longestId = 256

/**
 * The name of a call, as every server takes it back: a model that makes up a tool may write anything, which would stand in
 * each request from then on.
 */
export const nameOf = (core: Core, name: string): string =>
  core.agent.tools().entries.has(name) ? name : name.slice(0, longestName).replace(/[^\w-]/g, "_") || "unnamed"

/** Of more calls in one answer than may run, one is kept, whose output says so: the others would fill every prompt. */
export const tooMany = (core: Core, count: number): void =>
  core.publish({
    _tag: "Warning",
    component: "llm",
    message:
      `the model asked for ${count} calls in one answer: more than may be made together, and the rest is left out`
  })

/** Some servers give no ids, or count anew with each reply: a call and its output must find each other. */
export const uniqueId = (core: Core, given: string, step: Set<string>): string => {
  const isTaken = (id: string): boolean =>
    core.calls.isRunning(id) || step.has(id) ||
    core.history.current().items.some((item) => item._tag === "ToolCall" && item.callId === id)
  let unique = given.length > longestId ? "" : given
  while (unique === "" || isTaken(unique)) unique = core.nextId(unique === "" ? "call" : unique)
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

const told = ({ callId, isFailure, name, output, params }: Tools.Output) => ({
  id: callId,
  name,
  params,
  result: output,
  isFailure
})

/** Waits for some calls of a step, and tells that they have finished. Gives whether nothing is to be said after them. */
const finishing = (
  core: Core,
  speech: Speech,
  tools: Tools.Set<Session>,
  outputs: ReadonlyArray<Effect.Effect<Tools.Output>>
): Effect.Effect<boolean> =>
  Effect.map(Effect.all(outputs), (ended) => {
    core.publish({ _tag: "FunctionCallsFinished", speech: speech.id, calls: ended.map(told) })
    return ended.every(({ isFailure, name }) => !isFailure && voiceOf(tools, name).result === "silent")
  })

/** Says something of a tool's once it has kept the caller waiting for long enough: one thing a step. */
const fill = (
  core: Core,
  calls: ReadonlyArray<Call>,
  tools: Tools.Set<Session>
): Effect.Effect<never, never, Session> =>
  Effect.gen(function*() {
    let waited = 0
    const fillers = calls.flatMap(({ id, name, params }) => {
      const entry = tools.entries.get(name)
      const { filler } = voiceOf(tools, name)
      return filler === undefined || entry === undefined ? [] : [{ ...filler, id, params: kept(params), entry }]
    }).sort((one, other) => one.after - other.after)
    for (const { after, entry, id, params, say } of fillers) {
      yield* Effect.sleep(after - waited)
      waited = after
      if (!core.calls.isRunning(id)) continue
      const session = yield* Session
      const text = typeof say === "string" ? Effect.succeed(say) : Effect.map(entry.decode(params), say)
      const said = yield* guarded(core, "filler", Effect.provideService(text, Session, session))
      if (said === undefined || said.trim() === "" || !core.calls.isRunning(id)) continue
      want(core, { source: "say", text: said, passing: true })
      break
    }
    return yield* Effect.never
  })

/**
 * Runs the calls of one step in the session, not in the speech: an interruption ends the speech, not the booking.
 * Gives whether nothing is to be said after them.
 */
export const act = (
  core: Core,
  speech: Speech,
  calls: ReadonlyArray<Call>,
  known: number
): Effect.Effect<boolean, never, Session> =>
  Effect.gen(function*() {
    const session = yield* Session
    speech.steps.left -= 1
    speech.milestones.toolCalls += calls.length
    speech.acting = true
    const tools = core.agent.tools()
    const isWaitedFor = ({ name }: Call) => voiceOf(tools, name).background === false
    const waited = calls.filter(isWaitedFor)
    speech.calls = waited.map(({ id }) => id)
    tell(core, speech)
    for (const call of calls) {
      core.calls.started(speech, call, {
        voice: voiceOf(tools, call.name),
        startedAt: core.conductor.now(),
        place: core.agent.place()
      })
      core.publish({ _tag: "FunctionCallStarted", speech: speech.id, id: call.id, name: call.name })
    }
    const step = core.fork(
      under(
        speech,
        Effect.gen(function*() {
          const asked = calls.map(({ id, name, params }) => ({ id, name, params }))
          const outputs = yield* core.runner.start(tools, asked, { known })
          // What was not started at all has its output already.
          const now = calls.map((call) => isWaitedFor(call) || !core.calls.isRunning(call.id))
          for (const output of outputs.filter((_, i) => !now[i])) {
            core.calls.stepped(core.fork(under(speech, finishing(core, speech, tools, [output]))))
          }
          const here = outputs.filter((_, i) => now[i])
          const quiet = here.length === 0 || (yield* finishing(core, speech, tools, here))
          return quiet && calls.every((call, i) => now[i] || voiceOf(tools, call.name).result === "silent")
        }).pipe(
          Effect.provideService(Session, session),
          Effect.provideService(CurrentSpeech, speech.id),
          spanned("tools", { speech: speech.id })
        )
      )
    )
    core.calls.stepped(step)
    owe(core)
    const ends = Effect.andThen(speech.attending.await, core.leaving.await)
    const left = Effect.as(Effect.raceAllFirst([ends, core.outstanding.left.await, speech.parted.await]), true)
    const quiet = yield* Fiber.join(step).pipe(Effect.raceFirst(left), Effect.raceFirst(fill(core, waited, tools)))
    speech.acting = false
    owe(core)
    tell(core, speech)
    return quiet
  })

/** The calls that are running, and have been shown to run from now on. */
export const show = (core: Core): ReadonlyArray<History.ToolCall> =>
  core.calls.running().map(([, running]) => {
    running.shown = true
    return running.item
  })

/** What runs, for the tail of a prompt. */
export const whatIsRunning = (core: Core): string | undefined => {
  const running = core.calls.running().map(([id, { item: { name }, progress, startedAt }]) => ({
    id,
    name,
    progress,
    startedAt
  }))
  return running.length === 0 ? undefined : whatRuns(running, core.conductor.now())
}

/** Whether a call that is waited for says something of its own when it takes long. */
export const isFilled = (core: Core): boolean =>
  core.calls.running().some(([, { voice, waitedFor }]) => waitedFor !== undefined && voice.filler !== undefined)

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
