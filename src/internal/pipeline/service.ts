/** The `Session` that tools, hooks and the program see. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type { InvalidOptions } from "../../Failure.ts"
import * as Session from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { CurrentHook, CurrentSpeech } from "../session.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, signal } from "./core.ts"
import { type Handoff, isOpen } from "./handoff.ts"
import { checkWait } from "./options.ts"
import { protectedSpeech, want } from "./wishes.ts"

export interface Parts {
  readonly job: Readonly<Record<string, string>>
  readonly events: Stream.Stream<Event.Event>
  readonly ended: Deferred.Deferred<Event.CloseReason>
  /** Whether anyone is there to be spoken to. */
  readonly company: Effect.Effect<boolean>
  readonly attach: (on: boolean) => Effect.Effect<void>
  readonly handoff: Handoff
}

const refused = ({ message }: InvalidOptions) => new Session.SessionError({ reason: "InvalidOption", detail: message })

const interrupt = (core: Core, force: boolean) =>
  Effect.suspend(() => {
    if (!isOpen(core)) return Effect.void
    if (!force && Turn.isProtected(core.conductor.state())) return Effect.fail(protectedSpeech)
    signal(core, { _tag: "Interrupt", force })
    return Effect.void
  })

const update = (core: Core, change: Session.Update) =>
  Effect.gen(function*() {
    const { tools, turn } = change
    const changed = core.agent.changed(change)
    const tune = turn === undefined
      ? undefined
      : yield* Effect.mapError(core.tuning.prepare(turn, changed.turn), refused)
    core.agent.updated(changed, tools)
    tune?.()
  })

/** The end waits for the speech, which waits for its tool, which waits for the end: it is to wait no longer. */
const attend = (core: Core): Effect.Effect<void> =>
  Effect.gen(function*() {
    const speech = yield* CurrentSpeech
    if (speech !== undefined) core.speeches.get(speech)?.attending.openUnsafe()
    const call = yield* CurrentCall
    if (call !== undefined) core.calls.letGo(call)
  })

export const makeSession = (core: Core, parts: Parts): Session.Session["Service"] => {
  const session: Session.Session["Service"] = Session.Session.of({
    id: core.id,
    job: parts.job,
    participant: Effect.sync(core.participant.current),
    track: core.output.sid,
    state: Effect.sync(() => Turn.overview(core.conductor.state())),
    agent: Effect.sync(() => core.agent.bound().name),
    instructions: Effect.sync(() => core.agent.bound().instructions),
    tools: Effect.sync(core.agent.tools),
    // Theirs: what is done to it changes nothing here.
    history: Effect.sync(() => ({ items: [...core.history.current().items] })),
    spent: Effect.sync(core.spending.report),
    updateHistory: (f) => Effect.sync(() => core.history.updated(f)),
    events: parts.events,
    say: (text, options) => Effect.map(CurrentHook, (hook) => want(core, { source: "say", text, options }, hook)),
    reply: (options) => Effect.map(CurrentHook, (hook) => want(core, { source: "reply", options }, hook)),
    send: (text) =>
      Effect.sync(() => {
        if (!isOpen(core)) return false
        if (text.trim() !== "") signal(core, { _tag: "Typed", text: text.trim() })
        return true
      }),
    interrupt: (options) => interrupt(core, options?.force === true),
    commitTurn: (options) =>
      checkWait(options ?? {}).pipe(
        Effect.mapError(refused),
        Effect.map(({ wait: waitMs }) => {
          if (isOpen(core)) signal(core, { _tag: "CommitTurn", waitMs })
        })
      ),
    clearTurn: Effect.sync(() => signal(core, { _tag: "ClearTurn" })),
    listen: parts.attach,
    update: (change) => update(core, change),
    handoff: (agent) => parts.handoff(agent, session),
    hangUp: (options) =>
      Effect.map(parts.company, (company) => {
        // In an empty room, and while a line rings, there is nobody to say goodbye to.
        if (options?.say !== undefined && company) want(core, { source: "say", text: options.say })
        signal(core, { _tag: "Close", drain: true, reason: "hang_up" })
      }),
    close: (options) =>
      Effect.sync(() => signal(core, { _tag: "Close", drain: options?.drain === true, reason: "closed" })),
    ended: Effect.andThen(attend(core), Deferred.await(parts.ended))
  })
  return session
}
