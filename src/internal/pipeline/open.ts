/**
 * Opens a session: puts its parts together and starts it. It runs in a scope of
 * its own, which its end closes; the scope that it was opened in ends it at the
 * latest.
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Agent from "../../Agent.ts"
import type * as Event from "../../Event.ts"
import type { Options, PipelineError, Services } from "../../Pipeline.ts"
import * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import { TurnDetector } from "../../TurnDetector.ts"
import { Vad } from "../../Vad.ts"
import { checkAgent } from "../agentOptions.ts"
import { effectOf } from "../given.ts"
import type { Retry } from "../resilience/model.ts"
import { resolve } from "../resilience/policy.ts"
import { steadyClock } from "../steady.ts"
import { makeRetunable } from "../vad/retunable.ts"
import { makePerform } from "./actions.ts"
import { makeCore } from "./assembly.ts"
import { makeAway } from "./away.ts"
import { begin } from "./beginning.ts"
import { makeBind, sttOf } from "./boundAgent.ts"
import { makeBudget } from "./budget.ts"
import { makeClosing } from "./closing.ts"
import { underOptions } from "./environment.ts"
import { mendedRoom } from "./failures.ts"
import { makeHandoff } from "./handoff.ts"
import { identify } from "./identity.ts"
import { listenerOf, openJudges } from "./judges.ts"
import { withGain } from "./level.ts"
import { makeListeners } from "./listeners.ts"
import { makeListening } from "./listening.ts"
import { makeLog } from "./logging.ts"
import { check, mergeVad, underAgent } from "./options.ts"
import { isReachable, makeLeaving, makeParticipant, watchEnd } from "./participant.ts"
import { feedOf, makeProviders } from "./providers.ts"
import { record } from "./recording.ts"
import { makeRuntime } from "./runtime.ts"
import { makeSession } from "./service.ts"
import { checkServices } from "./services.ts"
import { soundRoom } from "./soundRoom.ts"
import { makeSpending } from "./spending.ts"
import { collectKeys, watchKeys, watchTexts } from "./textInput.ts"
import { makeTimeLimits } from "./timeLimits.ts"

export const open = <R, E>(
  agent: Agent.Agent<R, E>,
  explicit: Options = {}
): Effect.Effect<Session["Service"], PipelineError | E, Services | Scope.Scope | Exclude<R, Session>> =>
  Effect.gen(function*() {
    const wrong = checkAgent(agent)
    if (wrong !== undefined) return yield* wrong
    yield* checkServices
    const vad = yield* Vad
    const options = yield* underOptions(explicit, agent, vad.defaults)
    const judged = (yield* TurnDetector) !== undefined
    const checked = yield* check({ ...options, turn: underAgent(options.turn ?? {}, agent.turn) }, judged)
    let broke: (cause: Cause.Cause<unknown>) => void = () => {}
    const given = yield* Room.Room
    const room = soundRoom(given, (cause) => broke(cause))
    const { id, ids, job, operated } = yield* identify(options, room)
    const services = yield* Effect.context<Services>()
    const now = yield* steadyClock
    const log = makeLog(operated)

    const participant = makeParticipant()
    const spending = makeSpending(options.spending)
    let retried: (retry: Retry) => void = () => {}
    const runtime = yield* makeRuntime(ids, participant, spending.meter, (retry) => retried(retry))
    const { fork, inScope, layers, scope } = runtime
    const about = { session: id, room: room.name, agent: agent.name, job }
    const recorded = yield* inScope(record(room, about, now, fork))
    const { onEvent } = options
    const events = yield* makeListeners({
      now,
      participant,
      recorded,
      onEvent,
      operated,
      fork
    })
    const { publish } = events
    retried = (retry) => publish({ _tag: "ProviderRetried", ...retry })
    broke = (cause) => publish(mendedRoom(cause))

    const providers = yield* makeProviders(options, { fork, publish })
    const detector = yield* inScope(makeRetunable(vad, mergeVad(options.vad, agent.vad)))
    const judges = yield* inScope(openJudges(publish, fork, checked.hookTimeout))
    const keys = yield* inScope(collectKeys(room))
    const output = withGain(yield* inScope(recorded.room.output(options.output)))
    const toolScope = yield* Scope.fork(scope)
    const core = yield* makeCore(
      { id, agent, now, publish, fork, participant, spending, providers, judges, judged, output, toolScope },
      options,
      checked
    )
    events.listen(makeBudget(core, options.budget))
    const away = makeAway(core)
    events.listen(away.listen)
    events.listen(core.keys.listen)
    events.listen(core.answering.listen)
    const listening = yield* inScope(makeListening(core, {
      room: recorded.room,
      detector,
      stt: sttOf(agent, providers.defaults),
      processors: options.processors ?? [],
      detectorProcessors: options.detectorProcessors ?? [],
      feed: (stt) => feedOf(stt, options),
      healthyAfter: resolve(options.resilience).firstOutputMs,
      mutedAfter: checked.mutedAfter,
      keepsAudio: judges.overlapClassifier !== undefined,
      listener: listenerOf(judges)
    }))

    const memoMap = Layer.CurrentMemoMap.forkOrCreate(services)
    const bind = makeBind({ defaults: providers.defaults, scope: layers, memoMap })
    const ended = yield* Deferred.make<Event.CloseReason>()
    const session = makeSession(core, {
      job,
      events: events.stream,
      ended,
      room,
      company: Effect.map(room.participants, (there) => there.some(isReachable)),
      attach: listening.attach,
      ...makeHandoff(core, {
        bind: (next, session) => Effect.provideContext(bind(next, session), services),
        detector,
        hearBy: listening.hearBy,
        vad: options.vad,
        exitTimeout: checked.closeTimeout
      })
    })
    const closing = makeClosing(core, { room, runtime, toolScope, services, ended, ids, log }, checked)
    events.listen(makeTimeLimits(core, session, checked.timeLimits))
    core.conductor.performedBy(makePerform(core, { session, listening, closing, judges, away }, checked))
    core.agent.begins(yield* bind(agent, session))
    yield* Effect.addFinalizer(() => closing.abort)

    if (given.attach !== undefined) {
      const attached = Effect.provideService(effectOf("attach", () => given.attach!(session)), Room.Room, given)
      const late: Event.Draft = { _tag: "Warning", component: "room", message: "attach did not end in time" }
      yield* Effect.timeoutOrElse(inScope(attached), {
        duration: checked.roomTimeout,
        orElse: () => Effect.sync(() => publish(late))
      })
    }
    const leaving = makeLeaving(core, room, checked.returnTimeout)
    fork(inScope(begin(core, { room, session, listening, judges, leaving, log }, options, checked)))
    if (options.closeOnLeave !== false) fork(leaving.watch)
    fork(watchEnd(core, room))
    if (options.textTopic !== false) {
      fork(watchTexts(core, session, room, options.textTopic ?? "lk.chat", options.onText))
    }
    fork(watchKeys(core, session, keys, options.onKey))
    return session
  })
