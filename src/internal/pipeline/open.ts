/**
 * Opens a session: puts its parts together and starts it. It runs in a scope of
 * its own, which its end closes; the scope that it was opened in ends it at the
 * latest.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as Agent from "../../Agent.ts"
import type * as Event from "../../Event.ts"
import type { Options, PipelineError, Services } from "../../Pipeline.ts"
import * as Room from "../../Room.ts"
import type { Session } from "../../Session.ts"
import { Vad } from "../../Vad.ts"
import { resolve } from "../resilience/policy.ts"
import { steadyClock } from "../steady.ts"
import { makePerform } from "./actions.ts"
import { makeCore } from "./assembly.ts"
import { begin } from "./beginning.ts"
import { makeBudget } from "./budget.ts"
import { makeClosing } from "./closing.ts"
import { makeHearing } from "./hearing.ts"
import { identify } from "./identity.ts"
import { openJudges } from "./judges.ts"
import { makeListeners } from "./listeners.ts"
import { makeLog } from "./logging.ts"
import { check } from "./options.ts"
import { makeParticipant, watchEnd, watchLeaving } from "./participant.ts"
import { bind } from "./persona.ts"
import { feedOf, makeProviders } from "./providers.ts"
import { record } from "./recording.ts"
import { makeRuntime } from "./runtime.ts"
import { makeSession } from "./service.ts"
import { makeSpending } from "./spending.ts"
import { watchKeys, watchTexts } from "./textInput.ts"

export const open = <R>(
  agent: Agent.Agent<R>,
  options: Options = {}
): Effect.Effect<Session["Service"], PipelineError, Services | Scope.Scope | Exclude<R, Session>> =>
  Effect.gen(function*() {
    const checked = yield* check(options)
    const room = yield* Room.Room
    const vad = yield* Vad
    const { id, ids, job, operated } = yield* identify(options, room)
    const services = yield* Effect.context<never>()
    const now = yield* steadyClock
    const log = makeLog(operated)

    const participant = makeParticipant()
    const spending = makeSpending(options.spending)
    const runtime = yield* makeRuntime(ids, participant, spending.meter)
    const { fork, inScope } = runtime
    const about = { session: id, room: room.name, agent: agent.name, job }
    const recorded = yield* inScope(record(room, about, now, fork))
    const { onEvent } = options
    const events = yield* makeListeners({ now, participant, recorded, onEvent, operated, fork })
    const { publish } = events

    const providers = yield* makeProviders(options, { fork, publish })
    const detector = yield* inScope(vad.detector(options.vad))
    const judges = yield* inScope(openJudges(publish, checked.hookTimeout))
    const output = yield* inScope(recorded.room.output(options.output))
    const toolScope = yield* Scope.fork(runtime.scope)
    const core = yield* makeCore(
      { id, agent, now, publish, fork, participant, spending, providers, judges, output, toolScope },
      options,
      checked
    )
    events.listen(makeBudget(core, options.budget))
    const hearing = yield* inScope(makeHearing(core, {
      room: recorded.room,
      detector,
      stt: providers.stt,
      processors: options.processors ?? [],
      feed: feedOf(providers, options),
      healthyAfter: resolve(options.resilience).firstOutputMs,
      mutedAfter: checked.mutedAfter
    }))

    const ended = yield* Deferred.make<Event.CloseReason>()
    const company = Effect.map(room.participants, (there) => there.length > 0)
    const session = makeSession(core, {
      job,
      events: events.stream,
      ended,
      company,
      attach: hearing.attach,
      exitTimeout: checked.closeTimeout
    })
    const closing = makeClosing(core, { runtime, toolScope, services, ended, ids, log }, checked)
    core.conductor.performedBy(makePerform(core, { session, hearing, closing, judges }, checked))
    core.agent.begins(yield* bind(agent, session, providers.defaults))
    yield* Effect.addFinalizer(() => closing.abort)

    if (room.attach !== undefined) yield* inScope(Effect.provideService(room.attach(session), Room.Room, room))
    fork(inScope(begin(core, { room, session, hearing, judges, log }, options, checked)))
    if (options.closeOnLeave !== false) fork(watchLeaving(core, room, checked.returnTimeout))
    fork(watchEnd(core, room))
    if (options.textTopic !== false) {
      fork(watchTexts(core, session, room, options.textTopic ?? "lk.chat", options.onText))
    }
    fork(watchKeys(core, session, room, options.onKey))
    return session
  })
