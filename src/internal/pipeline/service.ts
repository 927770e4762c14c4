/** The `Session` that tools, hooks and the program see. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type { InvalidOptions } from "../../Failure.ts"
import * as Session from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { CurrentSpeech } from "../session.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, signal } from "./core.ts"
import { type Handoff, isOpen } from "./handoff.ts"
import { checkWait } from "./options.ts"
import { beforeGoodbye, isOwed } from "./outstanding.ts"
import { makeSpeech, newSteps, type Speech } from "./speech.ts"

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

const protectedSpeech = new Session.SessionError({
  reason: "Protected",
  detail: "the speech is protected: interrupt it with { force: true }, or wait for its end"
})

/** What comes too late to be said. */
const discarded = (id: string): Session.Speech => ({
  id,
  heard: Effect.succeed({ text: "", playedMs: 0, outcome: "discarded" }),
  interrupt: () => Effect.void
})

const handle = (core: Core, speech: Speech): Session.Speech => ({
  id: speech.id,
  heard: Effect.flatMap(CurrentSpeech, (current) =>
    current === speech.id
      ? Effect.fail(
        new Session.SessionError({
          reason: "OwnSpeech",
          detail: "a tool cannot wait for the speech that waits for the tool"
        })
      )
      : Deferred.await(speech.result)),
  interrupt: (options) =>
    Effect.suspend(() => {
      const force = options?.force === true
      if (!force && Turn.isProtected(core.conductor.state(), speech.id)) return Effect.fail(protectedSpeech)
      signal(core, { _tag: "Interrupt", force, speech: speech.id })
      return Effect.void
    })
})

const makeEnqueue = (core: Core) => {
  let refusals = 0
  return (
    source: "say" | "reply",
    text: string | Stream.Stream<string> | undefined,
    options: Session.ReplyOptions
  ): Session.Speech => {
    if (!isOpen(core)) return discarded(`discarded-${++refusals}`)
    const id = core.nextId("speech")
    const speech = makeSpeech({ id, source, text, options, now: core.history.stamp(), steps: newSteps(core) })
    core.speeches.add(speech)
    signal(core, { _tag: "Enqueue", speech: id, source, protected: options.protected === true })
    return handle(core, speech)
  }
}

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

/** Says goodbye, but not before the caller has been told what they wait for. */
const hangUp = (
  core: Core,
  company: Effect.Effect<boolean>,
  enqueue: ReturnType<typeof makeEnqueue>,
  goodbye: string | undefined
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const call = yield* CurrentCall
    if (call !== undefined) core.outstanding.excuse(call)
    // In an empty room, and while a line rings, there is nobody to say goodbye to.
    const there = yield* company
    const close = (): void => {
      if (goodbye !== undefined && there) enqueue("say", goodbye, {})
      signal(core, { _tag: "Close", drain: true, reason: "hang_up" })
    }
    const first = core.outstanding.leave()
    if (!there || !isOpen(core) || !isOwed(core, call)) return close()
    if (!first) return
    const say = (text: string) => void enqueue("say", text, {})
    core.fork(Effect.andThen(beforeGoodbye(core, call, say), Effect.sync(close)))
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
  const enqueue = makeEnqueue(core)
  const session: Session.Session["Service"] = Session.Session.of({
    id: core.id,
    job: parts.job,
    participant: Effect.sync(core.participant.current),
    track: core.output.sid,
    state: Effect.sync(() => Turn.overview(core.conductor.state())),
    agent: Effect.sync(() => core.agent.bound().name),
    instructions: Effect.sync(() => core.agent.bound().instructions),
    tools: Effect.sync(core.agent.tools),
    history: Effect.sync(core.history.current),
    running: Effect.map(
      CurrentCall,
      (asking) =>
        core.calls.running().flatMap(([id, { item: { name }, startedAt }]) =>
          id === asking ? [] : [{ id, name, seconds: (core.conductor.now() - startedAt) / 1000 }]
        )
    ),
    cancel: (id) => Effect.map(core.runner.end([id]), (ended) => ended.length > 0),
    spent: Effect.sync(core.spending.report),
    updateHistory: (f) => Effect.sync(() => core.history.updated(f)),
    events: parts.events,
    say: (text, options = {}) => Effect.sync(() => enqueue("say", text, options)),
    reply: (options = {}) => Effect.sync(() => enqueue("reply", undefined, options)),
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
    handoff: (agent) =>
      Effect.flatMap(CurrentCall, (call) => {
        if (call !== undefined) core.outstanding.excuse(call)
        return parts.handoff(agent, session)
      }),
    hangUp: (options) => hangUp(core, parts.company, enqueue, options?.say),
    close: (options) =>
      Effect.sync(() => signal(core, { _tag: "Close", drain: options?.drain === true, reason: "closed" })),
    ended: Effect.andThen(attend(core), Deferred.await(parts.ended))
  })
  return session
}
