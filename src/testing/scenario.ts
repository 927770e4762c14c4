/** A whole conversation as a script, run in virtual time. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Agent from "../Agent.ts"
import * as Audio from "../Audio.ts"
import type * as Event from "../Event.ts"
import { settled } from "../internal/plain.ts"
import { CurrentRealWaits, type RealWaits } from "../internal/realWaits.ts"
import * as Pipeline from "../Pipeline.ts"
import * as Room from "../Room.ts"
import type { Session } from "../Session.ts"
import * as Text from "../Text.ts"
import type * as Turn from "../Turn.ts"
import { act, lastAt } from "./acting.ts"
import type { UserAction } from "./actions.ts"
import { Caller } from "./caller.ts"
import { checkScenario, doubtsOfScenario } from "./checks.ts"
import { type Script, type Services, servicesOf } from "./layer.ts"
import { LlmCalls } from "./llm.ts"
import { millis } from "./marks.ts"
import { untilQuiet } from "./quiet.ts"
import { shortage, unknownTools } from "./shortage.ts"
import { simulate, type Simulated, type SimulatedUser, simulationOf } from "./simulatedUser.ts"
import { type SttCall, SttCalls } from "./stt.ts"
import { sleepUntil, untilPast } from "./timedStream.ts"
import { type LogLine, makeTimeline, type Timeline } from "./timeline.ts"
import { TtsCalls } from "./tts.ts"
import { inVirtualTime } from "./virtualTime.ts"

/**
 * Something that the program does in a scenario.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step<R> {
  /** Clock time (ms). */
  readonly at: number
  /** Begins then and does not hold up the others. What it fails with stands in `Timeline.failures`. */
  readonly do: (
    session: Session["Service"],
    caller: Caller["Service"]
  ) => Effect.Effect<unknown, unknown, R> | Promise<unknown> | void
}

/**
 * A conversation as a script.
 *
 * **Details**
 *
 * What is left out is as in production: silence of 500 ms ends speech of at
 * least 50, a turn ends 500 ms after the voice, 500 ms of voice interrupt once
 * the agent has been heard for 3 s, words beside the agent are judged, the model
 * is asked before the turn is committed. A final transcript comes 200 ms after
 * the voice. `preset: "mechanics"` switches judgement off.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scenario<RA = never, RS = never, EA = never> extends Script {
  /** @default one without tools */
  readonly agent?: Agent.Agent<RA, EA> | undefined
  readonly user?: ReadonlyArray<UserAction> | undefined
  /** A model that plays the caller, beside what `user` says of them. @default none */
  readonly simulatedUser?: SimulatedUser | undefined
  readonly at?: ReadonlyArray<Step<RS>> | undefined
  readonly options?: Pipeline.Options | undefined
  /**
   * Where `options.turn` says nothing: the defaults of a pipeline, or, for tests
   * of mechanics, no judgement. With `mechanics` every voice and every word
   * counts alike: no preemption, no echo warm-up, no rules about words beside
   * the agent.
   *
   * @default "production"
   */
  readonly preset?: "production" | "mechanics" | undefined
  /** Services that take the place of the scripted ones; they may build on these. */
  readonly layer?: Layer.Layer<never, unknown, Services> | undefined
  /** When the scenario ends: a Clock time (ms), or `quiet` after the last thing in the script. @default "quiet" */
  readonly until?: number | "quiet" | undefined
  /**
   * Without an event this long, it is quiet, unless somebody speaks, thinks or
   * works, or the user may still be back.
   *
   * @default 12 seconds
   */
  readonly quiet?: Duration.Input | undefined
  /** Longest wait for the quiet, after the last thing in the script. @default 5 minutes */
  readonly patience?: Duration.Input | undefined
  /**
   * Longest that time stands still, in real time, for a plain function that awaits
   * something real, such as a file or a server, and for an MCP server. Then time
   * goes on, and a warning names the tool or the hook. 0 waits for nothing.
   *
   * @default 2 seconds; "1 minute" with a `simulatedUser`
   */
  readonly realWait?: Duration.Input | undefined
  /** Seed of the random numbers, such as the jitter of retries. @default "scenario" */
  readonly seed?: string | undefined
}

const mechanics: Turn.Options = {
  preemption: { llm: false, tts: false },
  interruption: { echoWarmUp: 0, backchannel: false, resumeFrom: "pause" }
}

/** The options of a preset: what the script says goes first, section by section. */
const turnOptions = (preset: Scenario["preset"], given: Turn.Options = {}): Turn.Options =>
  preset !== "mechanics" ? given : {
    ...mechanics,
    ...given,
    preemption: { ...mechanics.preemption, ...given.preemption },
    interruption: { ...mechanics.interruption, ...given.interruption }
  }

const plainAgent = Agent.make({ instructions: "You are a voice agent." })

const lastOf = (scenario: Scenario<never, never, unknown>): number =>
  Math.max(
    0,
    lastAt(scenario.user ?? []),
    ...(scenario.at ?? []).map(({ at }) => at)
  )

/** Stretches of time, joined where one begins as the other ends. */
const joined = (stretches: ReadonlyArray<{ readonly from: number; readonly to: number }>) => {
  const all: Array<{ from: number; to: number }> = []
  for (const { from, to } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1)
    if (last !== undefined && from <= last.to + 0.5) last.to = Math.max(last.to, to)
    else if (to > from) all.push({ from, to })
  }
  return all.map(({ from, to }) => ({ from: Math.round(from * 1000) / 1000, to: Math.round(to * 1000) / 1000 }))
}

/** A transform that throws is left out, as it was in the conversation. */
const rewriting = (language: string | undefined) => (text: string, transform: Text.Transform): string => {
  try {
    return Text.applyTransforms(text, [transform], language)
  } catch {
    return text
  }
}

/** A logger that keeps what is logged. */
const logger = (logs: Array<LogLine>, now: () => number): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, fiber, logLevel, message }) => {
    const { participant: _participant, session: _session, ...notes } = fiber.getRef(References.CurrentLogAnnotations)
    logs.push({
      at: now(),
      level: logLevel,
      text: Array.isArray(message) ? message.map(String).join(" ") : String(message),
      ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }),
      ...(cause.reasons.length === 0 ? {} : { cause: Cause.pretty(cause) })
    })
  })

/** Notes what was not waited for any longer. */
const noted = (waits: RealWaits, passed: Array<string>): RealWaits => (name, onPassed) =>
  waits(name, (message) => {
    passed.push(message)
    onPassed(message)
  })

/** Until when (ms) somebody who has gone may be back. */
const backUntil = (
  room: Room.Room["Service"],
  { closeOnLeave = true, returnTimeout = "20 seconds" }: Pipeline.Options = {}
): Effect.Effect<() => number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    let until = 0
    if (closeOnLeave) {
      yield* Effect.forkScoped(Stream.runForEach(room.events, (event) =>
        Effect.sync(() => {
          // One millisecond more: what comes of it happens first.
          if (event._tag === "ParticipantLeft") until = clock.currentTimeMillisUnsafe() + millis(returnTimeout) + 1
          if (event._tag === "ParticipantJoined") until = 0
        })))
    }
    return () => until
  })

/** Waits for the end that a scenario sets itself; `false` where its patience was over. */
const over = (
  scenario: Scenario<never, never, unknown>,
  { events, mayReturnUntil, simulated, simulating }: {
    readonly events: ReadonlyArray<Event.Event>
    readonly simulated: Simulated
    readonly simulating: Effect.Effect<unknown>
    readonly mayReturnUntil: () => number
  }
): Effect.Effect<boolean> => {
  const { patience = "5 minutes", quiet = "12 seconds", until = "quiet" } = scenario
  if (until !== "quiet") return Effect.as(sleepUntil(until), true)
  const last = () => Math.max(lastOf(scenario), lastAt(simulated.did))
  return Effect.raceFirst(
    Effect.as(
      Effect.andThen(simulating, untilQuiet({ events, last, quietMs: millis(quiet), awaitedUntil: mayReturnUntil })),
      true
    ),
    Effect.as(untilPast(() => last() + millis(patience)), false)
  )
}

/** What is open when nothing may be. */
const leftOf = (open: object, connections: ReadonlyArray<SttCall>): string =>
  [
    ...Object.entries(open).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`),
    ...(connections.some(({ closedAt }) => closedAt === undefined) ? ["a connection of the recogniser"] : [])
  ].join(", ")

/** Runs a scenario on the Clock of the context, which must run by itself. */
const perform = <EA>(
  scenario: Scenario<never, never, EA>
): Effect.Effect<Timeline, Pipeline.PipelineError | EA> =>
  Effect.scoped(Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const keepAlive = Math.min(900, Math.max(1, millis(scenario.options?.mutedAfter ?? 1000) * 0.9))
    const ours = yield* Layer.build(servicesOf({ ...scenario, room: { keepAlive, ...scenario.room } }))
    const other = scenario.layer === undefined
      ? Context.empty()
      : yield* Effect.provideContext(Effect.orDie(Layer.build(scenario.layer)), ours)
    const services = Context.merge(ours, other)
    const caller = Context.get(services, Caller)
    const events: Array<Event.Event> = []
    const logs: Array<LogLine> = []
    const failures: Array<{ readonly at: number; readonly cause: string }> = []
    const passed: Array<string> = [...doubtsOfScenario(scenario)]
    const waits = yield* CurrentRealWaits
    const { simulatedUser } = scenario
    const simulated: Simulated = { did: [], turns: 0, end: undefined }
    const { calm, session, stoppedAt } = yield* Effect.gen(function*() {
      const run = yield* FiberSet.makeRuntime<never, void, never>()
      const sessionScope = yield* Scope.make()
      yield* Effect.addFinalizer(() => Scope.close(sessionScope, Exit.void))
      const { onEvent, turn, ...options } = scenario.options ?? {}
      const session = yield* Pipeline.make(scenario.agent ?? plainAgent, {
        sessionId: "scenario",
        ...options,
        ...(turn === undefined && scenario.preset !== "mechanics" ? {} : { turn: turnOptions(scenario.preset, turn) }),
        onEvent: (event) => {
          events.push(event)
          return onEvent?.(event)
        }
      }).pipe(Effect.provideContext(services), Scope.provide(sessionScope))
      const watched = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
        Effect.catchCause(Effect.asVoid(effect), (cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.interrupt
            : Effect.sync(() => void failures.push({ at: now(), cause: String(Cause.squash(cause)) })))

      const script = [
        ...(scenario.user ?? []).map((action) => ({ at: action.at, effect: act(caller, action) })),
        ...(scenario.at ?? []).map((step) => ({ at: step.at, effect: settled("do", () => step.do(session, caller)) }))
      ].sort((a, b) => a.at - b.at)
      run(
        Effect.forEach(script, ({ at, effect }) =>
          Effect.andThen(
            sleepUntil(at),
            Effect.sync(() => void run(watched(effect)))
          ), { discard: true })
      )

      const simulating = simulatedUser === undefined
        ? Effect.void
        : yield* simulate(simulatedUser, caller, events, simulated).pipe(
          watched,
          Effect.forkScoped,
          Effect.map(Fiber.await)
        )

      const mayReturnUntil = yield* backUntil(Context.get(ours, Room.Room), scenario.options)
      const calm = yield* Effect.raceFirst(
        Effect.as(session.ended, true),
        over(scenario, { events, simulating, simulated, mayReturnUntil })
      )
      const stillThere = (yield* session.state).status !== "closed"
      const stoppedAt = stillThere ? now() : undefined
      yield* Scope.close(sessionScope, Exit.void)
      return { session, stoppedAt, calm }
    }).pipe(
      Effect.provideService(Logger.CurrentLoggers, new Set([logger(logs, now)])),
      Effect.provideService(CurrentRealWaits, waits && noted(waits, passed)),
      Effect.scoped
    )

    const open = yield* caller.room.open
    const outputs = yield* caller.room.outputs
    const heard = (yield* Effect.forEach(outputs, (output) => output.heard)).flat()
    const connections = yield* Context.get(services, SttCalls).connections
    const requests = yield* Context.get(services, LlmCalls).requests
    const asked = yield* Effect.map(Context.get(ours, LlmCalls).requests, ({ length }) => length)
    const short = shortage(scenario.llm, scenario.llmOptions, asked)
    // Whoever gets the call may have a language of their own.
    const languages = new Set([
      scenario.options?.turn?.language,
      ...Object.keys(Text.phrasebooks),
      ...events.flatMap((event) => event._tag === "UserTranscript" ? [event.language] : [])
    ])
    return makeTimeline({
      events,
      history: yield* session.history,
      requests,
      speeches: yield* Context.get(services, TtsCalls).calls,
      connections,
      transfers: yield* caller.transfers,
      logs,
      failures,
      testWarnings: [...passed, ...(short === undefined ? [] : [short]), ...unknownTools(events, requests)],
      audible: joined(heard.map(({ at, frame }) => ({ from: at, to: at + Audio.durationMs(frame) }))),
      quiet: calm,
      user: [...(scenario.user ?? []), ...simulated.did],
      simulation: simulatedUser && simulationOf(simulated, stoppedAt === undefined),
      steps: (scenario.at ?? []).map(({ at }) => at),
      maxDelay: millis(scenario.options?.turn?.endpointing?.maxDelay ?? 3000),
      spoken: (text) =>
        [...languages].map((language) =>
          (scenario.options?.transforms ?? Text.speechTransforms).reduce(rewriting(language), text)
        ),
      left: leftOf(open, connections),
      stoppedAt,
      endedAt: now()
    })
  }))

/**
 * Runs a scripted conversation from beginning to end in virtual time, and tells
 * what happened.
 *
 * **Details**
 *
 * The Clock begins at 0 and jumps from one thing to the next, so a scenario of
 * an hour takes milliseconds, and the same scenario gives the same timeline. It
 * may run under any Clock, also many at a time.
 *
 * Time stands still while a plain function (`Tools.functions`, a hook) awaits
 * something real, up to `realWait`; not while it awaits what it has asked of the
 * conversation, such as `heard`, which comes with time. It stands still in the same
 * way for an MCP server (`Tools.discovered`, `McpClient.toolkit`): to connect, to be
 * asked and to answer a call. It stands still, too, while a layer of this package
 * reads or writes a file, or asks a model or a program on this machine. In an effect
 * of yours, what is waited for must be on the Clock, or be there within a turn or two
 * of the event loop.
 *
 * **Example** (A caller who interrupts)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as Testing from "effect-voice/testing"
 *
 * const program = Effect.gen(function*() {
 *   const timeline = yield* Testing.scenario({
 *     user: [Testing.say(500, 1500, "Tell me a story."), Testing.say(6000, 6800, "Stop!")],
 *     llm: ["Once upon a time there was a king.", "All right."],
 *     tts: { duration: 10_000 }
 *   })
 *   timeline.expect(["AgentPaused", 6500])
 *   return timeline.messages
 * })
 * ```
 *
 * @see `layer` to test a program that runs the pipeline itself
 * @see `check` for random conversations
 * @category scenario
 * @since 0.1.0
 */
export const scenario = <RA = never, RS = never, EA = never>(
  script: Scenario<RA, RS, EA>
): Effect.Effect<
  Timeline,
  Pipeline.PipelineError | EA,
  Exclude<Exclude<RA, Session | Pipeline.Services>, Scope.Scope> | RS
> =>
  Effect.andThen(
    checkScenario(script as Scenario<never, never, EA>),
    Effect.suspend(() =>
      inVirtualTime(
        perform(script as Scenario<never, never, EA>) as Effect.Effect<
          Timeline,
          Pipeline.PipelineError | EA,
          Exclude<Exclude<RA, Session | Pipeline.Services>, Scope.Scope> | RS
        >,
        { seed: script.seed, realWait: script.realWait ?? (script.simulatedUser && "1 minute") }
      )
    )
  )
