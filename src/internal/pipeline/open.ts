/** Puts the parts of a conversation together, starts it, and takes it apart. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Agent from "../../Agent.ts"
import * as Cost from "../../Cost.ts"
import type * as Event from "../../Event.ts"
import * as Llm from "../../Llm.ts"
import * as Metrics from "../../Metrics.ts"
import type { Options, PipelineError, Services } from "../../Pipeline.ts"
import * as Resilience from "../../Resilience.ts"
import * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import * as Stt from "../../Stt.ts"
import * as Text from "../../Text.ts"
import * as Tools from "../../Tools.ts"
import * as Tts from "../../Tts.ts"
import * as Turn from "../../Turn.ts"
import { Vad } from "../../Vad.ts"
import { meterLlm } from "../llm/metering.ts"
import { resolve } from "../resilience/policy.ts"
import { CurrentJob, CurrentSpeech } from "../session.ts"
import { steadyClock } from "../steady.ts"
import { meterStt } from "../stt/metering.ts"
import { meterTts } from "../tts/metering.ts"
import { makeRetunable } from "../vad/retunable.ts"
import { makePerform } from "./actions.ts"
import { makeApology } from "./apology.ts"
import { makeBind } from "./boundAgent.ts"
import { makeBudget } from "./budget.ts"
import { abandonCalls, recordOutput, settleCalls } from "./calls.ts"
import { makeConductor } from "./conductor.ts"
import { type Core, type Defaults, latest, signal } from "./core.ts"
import { enter, leave, makeHandoff, turnOf } from "./handoff.ts"
import { makeHearing } from "./hearing.ts"
import { journal } from "./journal.ts"
import { check, mergeTurn, mergeVad } from "./options.ts"
import { awaitParticipant, awaitReachable, endLine, makeLeaving, watchEnd } from "./people.ts"
import { record } from "./recording.ts"
import { makeSession } from "./service.ts"
import { makeSpending } from "./spending.ts"
import { collectKeys, watchKeys, watchTexts } from "./typed.ts"

// A listener that is further behind loses the oldest events.
const eventsKept = 1024

// How many sessions each room has had, for their names.
const sessions = new WeakMap<Room.Room["Service"], number>()

const nameSession = (room: Room.Room["Service"]): string => {
  const number = (sessions.get(room) ?? 0) + 1
  sessions.set(room, number)
  return `${room.name}-${number}`
}

export const open = <R, E>(
  agent: Agent.Agent<R, E>,
  options: Options = {}
): Effect.Effect<Session["Service"], PipelineError | E, Services | Scope.Scope | Exclude<R, Session>> =>
  Effect.gen(function*() {
    const checked = yield* check(
      agent.turn === undefined ? options : { ...options, turn: mergeTurn(options.turn ?? {}, agent.turn) }
    )
    const room = yield* Room.Room
    const vad = yield* Vad
    const id = options.sessionId ?? nameSession(room)
    const about = options.job ?? (yield* CurrentJob)
    const { id: job, ...facts } = about
    // A worker's operator sees each call; a program of one conversation prints what it wants itself.
    const log = job === undefined ? Effect.logDebug : Effect.logInfo
    const ids = { ...facts, ...Metrics.annotations({ session: id, job }) }
    const services = yield* Effect.context<Services>()
    const measure = yield* Metrics.recorder
    const now = yield* steadyClock

    const scope = yield* Scope.make()
    const inScope = <A, E, R2>(effect: Effect.Effect<A, E, R2>) => Scope.provide(effect, scope)
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    // What agents bring along outlives all that is forked, which may use it.
    const layers = yield* Scope.fork(scope)

    const run = yield* inScope(FiberSet.makeRuntime<never>())
    const span = yield* inScope(Effect.makeSpanScoped("session", { attributes: ids }))
    let participant: Room.Participant | undefined
    const fork: Core["fork"] = (effect) => {
      const tied = participant === undefined ? ids : { ...ids, ...idsOf(participant) }
      const metered = Effect.provideService(effect, Cost.Meter, spending.meter)
      return run(metered.pipe(Effect.annotateLogs(tied), Effect.annotateSpans(tied), Effect.withParentSpan(span)))
    }
    const spending = makeSpending(options.spending, () => core)
    // Events come before the core is there: a provider may be lost while the session opens.
    const budget = makeBudget(() => core, options.budget)
    const recorded = yield* inScope(
      record(room, { session: id, room: room.name, agent: agent.name, job: about }, now, fork)
    )
    const events = yield* PubSub.sliding<Event.Event>(eventsKept)
    const ended = yield* Deferred.make<Event.CloseReason>()
    const met = yield* Deferred.make<void>()
    let over = false
    const publish = (draft: Event.Draft): void => {
      if (over) return
      over = draft._tag === "SessionClosed"
      const event = { ...draft, at: now(), ...whose(draft, participant) } as Event.Event
      measure(event)
      recorded.event(event)
      try {
        options.onEvent?.(event)
      } catch (defect) {
        fork(Effect.logError("onEvent has thrown", Cause.die(defect)))
      }
      PubSub.publishUnsafe(events, event)
      const line = journal(event, job !== undefined)
      if (line !== undefined) fork(line)
      budget.notice(event)
    }

    const observed = new Set<object>()
    /** Before it can be lost: what is told to nobody is not told again. */
    const observe = (
      component: Event.Component,
      service: object,
      prewarm: Effect.Effect<void>
    ): void => {
      if (observed.has(service)) return
      observed.add(service)
      fork(
        Stream.runForEach(
          Resilience.availability(service),
          ({ available, provider }) =>
            Effect.sync(() => publish({ _tag: "ProviderAvailability", component, provider, available }))
        )
      )
      for (const breaker of Resilience.breakers(service)) {
        fork(Stream.runForEach(
          breaker.changes,
          ({ from, provider, to }) =>
            Effect.sync(() => publish({ _tag: "BreakerChanged", component, provider, from, to }))
        ))
      }
      if (options.prewarm !== false) fork(prewarm)
    }
    const paid = options.prewarm === "paid"
    const guardLlm: Defaults["guardLlm"] = (llm) => {
      observe("llm", llm, Llm.prewarm(llm, { paid }))
      return meterLlm(Llm.resilient(llm, options.resilience))
    }
    const guardTts: Defaults["guardTts"] = (tts) => {
      observe("tts", tts, Tts.prewarm(tts, { paid }))
      return meterTts(Tts.resilient(tts, options.resilience))
    }
    const hears = options.stt === false ? undefined : yield* Stt.Stt
    if (hears !== undefined) observe("stt", hears, Stt.prewarm(hears, { paid }))
    const stt = hears && meterStt(Stt.resilient(hears, options.resilience))
    const [thinks, speaks] = [yield* Llm.Llm, yield* Tts.Tts]
    const defaults: Defaults = { llm: guardLlm(thinks), tts: guardTts(speaks), guardLlm, guardTts }
    const apology = makeApology(options.apology, speaks, defaults.tts, agent.voice)
    const detector = yield* inScope(makeRetunable(vad, mergeVad(options.vad, agent.vad)))
    const keys = yield* inScope(collectKeys(room))
    const output = yield* inScope(recorded.room.output(options.output))
    const toolScope = yield* Scope.fork(scope)
    const runner = yield* Scope.provide(
      Tools.makeRunner({
        timeout: checked.toolTimeout,
        onPreliminary: ({ id, name }, result) =>
          Effect.map(CurrentSpeech, (speech) => {
            if (speech !== undefined) core.publish({ _tag: "FunctionCallProgressed", speech, id, name, result })
          }),
        onOutput: (result) => recordOutput(core, result)
      }),
      toolScope
    )

    const conductor = makeConductor({
      now,
      fork,
      initial: Turn.initial(checked.turn, {
        stt: stt !== undefined,
        interims: stt?.interims === true,
        detector: options.turnDetector !== undefined,
        judge: options.overlapClassifier !== undefined
      }, {
        apology: apology !== undefined,
        lastWords: Math.min(checked.lastWordsTimeout, checked.closeTimeout)
      }),
      perform: (action) => perform(action)
    })
    const session = makeSession({
      id,
      job: about,
      core: () => core,
      events,
      ended,
      participant: () => participant,
      company: Effect.map(room.participants, (there) => there.length > 0),
      attach: (on) => hearing.attach(on),
      handoff: makeHandoff({
        core: () => core,
        bind: (next) => Effect.provideContext(bind(next), services),
        detector,
        vad: options.vad,
        exitTimeout: checked.closeTimeout
      })
    })
    const bind = makeBind({ session, defaults, scope: layers, memoMap: Layer.CurrentMemoMap.forkOrCreate(services) })
    const bound = yield* bind(agent)
    const core: Core = {
      id,
      conductor,
      output,
      publish,
      fork,
      session,
      runner,
      defaults,
      settings: {
        maxToolSteps: checked.maxToolSteps,
        minSentence: checked.minSentence,
        syncTranscript: options.syncTranscript ?? true,
        roomTimeout: checked.roomTimeout,
        hookTimeout: checked.hookTimeout
      },
      apology,
      spending,
      transforms: options.transforms ?? Text.speechTransforms,
      jobs: new Map(),
      leaving: Latch.makeUnsafe(false),
      acts: new Set(),
      calls: new Map(),
      history: agent.history,
      turnOptions: options.turn ?? {},
      persona: bound.persona,
      tools: bound.tools,
      context: undefined,
      ids: 0,
      handoffs: 0,
      stamped: latest(agent.history),
      entered: false,
      left: undefined,
      speaker: Semaphore.makeUnsafe(1),
      paused: false
    }
    const hearing = yield* inScope(makeHearing(core, {
      room: recorded.room,
      detector,
      stt,
      processors: options.processors ?? [],
      feed: stt?.wants === "speech" ? "speech" : options.feed ?? (stt?.wants === "each" ? "each" : "all"),
      healthyAfter: resolve(options.resilience).firstOutputMs,
      mutedAfter: checked.mutedAfter
    }))

    /** What does not end in time is left behind. */
    const within = (cleanUp: Effect.Effect<unknown>): Effect.Effect<unknown> =>
      Effect.flatMap(
        Effect.forkDetach(cleanUp, { startImmediately: true }),
        (fiber) => Effect.timeoutOption(Fiber.join(fiber), checked.closeTimeout)
      )
    let finishing = false
    const finish = (reason: Event.CloseReason): void => {
      if (finishing) return
      finishing = true
      Effect.runForkWith(services)(
        Effect.gen(function*() {
          // Nobody at a telephone waits on a dead line while the agent cleans up.
          const line = reason === "hang_up" ? endLine(core, room, participant, checked.closeTimeout) : Effect.void
          yield* Effect.all([line, settleCalls(core, checked.closeTimeout)], { concurrency: 2, discard: true })
          yield* within(Effect.andThen(
            Scope.close(toolScope, Exit.void),
            Effect.suspend(() => Fiber.awaitAll([...core.acts]))
          ))
          yield* leave(core, checked.closeTimeout)
          publish({ _tag: "SessionClosed", session: id, reason })
          yield* Effect.annotateLogs(log("the conversation is over"), {
            reason,
            turns: Turn.overview(conductor.state()).turn - 1,
            ...(participant === undefined ? {} : idsOf(participant))
          })
          yield* within(Scope.close(scope, Exit.void))
          yield* Deferred.succeed(ended, reason)
        }).pipe(Effect.annotateLogs(ids))
      )
    }
    // What hangs must not keep the session from its end: first it is cut short, then left behind.
    let forced = false
    const force = (reason: Event.CloseReason): void => {
      forced = true
      signal(core, { _tag: "Close", drain: false, reason, now: true })
      finish(reason)
    }
    const watch = (drain: boolean, reason: Event.CloseReason): void => {
      if (forced) return
      fork(Effect.andThen(
        Effect.sleep(drain ? checked.drainTimeout : checked.closeTimeout),
        Effect.sync(() => drain ? signal(core, { _tag: "Close", drain: false, reason }) : force(reason))
      ))
    }
    const perform = makePerform(core, {
      finalize: hearing.finalize,
      lastWords: () => void fork(hearing.end),
      finish,
      watch,
      participant: () => participant?.identity,
      turnDetector: options.turnDetector,
      overlapClassifier: options.overlapClassifier,
      hookTimeout: checked.hookTimeout
    })
    // The session's own end, when the scope that holds it closes first.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        abandonCalls(core)
        signal(core, { _tag: "Close", drain: false, reason: "closed", now: true })
        return Effect.asVoid(Effect.timeoutOption(Deferred.await(ended), checked.closeTimeout * 2))
      })
    )

    if (room.attach !== undefined) yield* inScope(Effect.provideService(room.attach(session), Room.Room, room))

    fork(Effect.gen(function*() {
      // Whoever listens to the events from here on misses nothing.
      yield* Effect.yieldNow
      participant = yield* awaitParticipant(room, options.participant)
      // Who picks up a telephone speaks first, into a line that cancels its own echo.
      const called = participant.kind === "sip" && participant.direction === "outbound"
      if (called && turnOf(core, core.persona).interruption?.echoWarmUp === undefined) {
        yield* Effect.ignore(session.update({ turn: { interruption: { echoWarmUp: 0 } } }))
      }
      publish({ _tag: "SessionStarted", session: id })
      yield* Deferred.succeed(met, undefined)
      spending.begin()
      yield* Effect.annotateLogs(log("the conversation begins"), idsOf(participant))
      if (apology !== undefined) fork(apology.prepare)
      if (options.closeOnLeave !== false) yield* leaving.check(participant.identity)
      // A line that rings has nobody to be spoken to, nor to be heard.
      participant = yield* awaitReachable(room, participant.identity)
      signal(core, { _tag: "Opened" })
      yield* inScope(hearing.listen(participant.identity))
      // What is said before anybody receives the track is heard by nobody.
      yield* Effect.timeoutOption(output.subscribed, checked.subscriberTimeout)
      if (Turn.status(conductor.state()) === "open") enter(core)
    }))
    const known = { met: Deferred.await(met), participant: () => participant?.identity }
    const leaving = makeLeaving(core, room, checked.returnTimeout, known.participant)
    if (options.closeOnLeave !== false) fork(leaving.watch)
    fork(watchEnd(core, room))
    if (options.textTopic !== false) {
      fork(watchTexts(core, room, options.textTopic ?? "lk.chat", options.onText, known))
    }
    fork(watchKeys(core, keys, options.onKey, known))
    return session
  })

/** Who is talked with, in logs and traces; of a telephone call also its id, never a number. */
const idsOf = ({ attributes, identity }: Room.Participant) => {
  const call = attributes["sip.callID"]
  return { participant: identity, ...(call === undefined ? {} : { call }) }
}

const userEvents = new Set<Event.Event["_tag"]>([
  "SessionStarted",
  "UserStateChanged",
  "UserStartedSpeaking",
  "UserStoppedSpeaking",
  "UserTranscript",
  "UserSpeechCommitted",
  "UserPressedKey",
  "TranscriptionTimedOut",
  "UserTurnLimitReached"
])

const whose = (event: Event.Draft, participant: Room.Participant | undefined) =>
  participant !== undefined && userEvents.has(event._tag) ? { participant: participant.identity } : {}
