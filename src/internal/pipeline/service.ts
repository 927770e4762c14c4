/** The `Session` that tools, hooks and the program see. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Stream from "effect/Stream"
import type * as Agent from "../../Agent.ts"
import type * as Event from "../../Event.ts"
import * as Session from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, signal } from "./core.ts"
import { guarded } from "./failures.ts"
import { type InvalidOption, millis } from "./options.ts"
import { bind } from "./persona.ts"
import { makeSpeech, type Speech } from "./speech.ts"

export interface Parts {
  readonly job: Readonly<Record<string, string>>
  readonly events: Stream.Stream<Event.Event>
  readonly ended: Deferred.Deferred<Event.CloseReason>
  /** Whether anyone is there to be spoken to. */
  readonly company: Effect.Effect<boolean>
  readonly attach: (on: boolean) => Effect.Effect<void>
  readonly exitTimeout: number
}

const refused = ({ detail, option }: InvalidOption) =>
  new Session.SessionError({ reason: "InvalidOption", detail: `${option} ${detail}` })

const closed = new Session.SessionError({ reason: "Closed", detail: "the session has ended, or is ending" })

const protectedSpeech = new Session.SessionError({
  reason: "Protected",
  detail: "the speech is protected: interrupt it with { force: true }, or wait for its end"
})

const handle = (core: Core, speech: Speech): Session.Speech => ({
  id: speech.id,
  heard: Effect.flatMap(Session.CurrentSpeech, (current) =>
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

/** Lets the agent begin; what it does then is its own affair. */
export const enter = (core: Core): void => {
  const { onEnter } = core.agent.persona()
  core.agent.entered()
  if (onEnter !== undefined) core.fork(guarded(core, "onEnter", onEnter))
}

/** Lets the agent finish, once and for a bounded time. */
export const leave = (core: Core, timeout: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const onExit = core.agent.takeExit()
    if (onExit === undefined) return Effect.void
    const onLate = () => core.publish({ _tag: "Warning", component: "hook", message: "onExit did not end in time" })
    return Effect.asVoid(guarded(core, "onExit", onExit, { ms: timeout, onLate }))
  })

const isOpen = (core: Core): boolean => {
  const { status } = core.conductor.state()
  return status === "open" || status === "starting"
}

const whenOpen = <A, E, R>(
  core: Core,
  effect: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | Session.SessionError, R> =>
  Effect.suspend((): Effect.Effect<A, E | Session.SessionError, R> => isOpen(core) ? effect() : Effect.fail(closed))

const enqueue = (
  core: Core,
  source: "say" | "reply",
  text: string | Stream.Stream<string> | undefined,
  options: Session.ReplyOptions
): Session.Speech => {
  const id = core.nextId("speech")
  const speech = makeSpeech({ id, source, text, options, now: core.history.stamp() })
  core.speeches.add(speech)
  signal(core, { _tag: "Enqueue", speech: id, source, protected: options.protected === true })
  return handle(core, speech)
}

const interrupt = (core: Core, force: boolean) =>
  Effect.suspend(() => {
    if (!force && Turn.isProtected(core.conductor.state())) return Effect.fail(protectedSpeech)
    signal(core, { _tag: "Interrupt", force })
    return Effect.void
  })

const update = (core: Core, { instructions, tools, turn, voice }: Session.Update) =>
  Effect.gen(function*() {
    const tune = turn === undefined ? undefined : yield* Effect.mapError(core.tuning.prepare(turn), refused)
    core.agent.updated({ instructions, tools, voice })
    tune?.()
  })

/** Gives the conversation to another agent, one hand-off after the other. */
const makeHandoff = (core: Core, exitTimeout: number) => {
  const handing = Semaphore.makeUnsafe(1)
  return <R>(
    session: Session.Session["Service"],
    agent: Agent.Agent<R>
  ): Effect.Effect<void, Session.SessionError | Tools.ToolsError, Exclude<R, Session.Session>> =>
    whenOpen(core, () =>
      Effect.gen(function*() {
        const next = yield* bind(agent, session, core.defaults)
        yield* handing.withPermits(1)(Effect.gen(function*() {
          const from = core.agent.persona().name
          const to = next.persona.name
          yield* leave(core, exitTimeout)
          if (!isOpen(core)) return yield* closed
          core.history.handedOver({ from, to, history: agent.history })
          core.agent.replaced(next)
          core.publish({ _tag: "AgentChanged", from, to })
          enter(core)
        }))
      }))
}

/** The end waits for the speech, which waits for its tool, which waits for the end: it is to wait no longer. */
const attend = (core: Core): Effect.Effect<void> =>
  Effect.gen(function*() {
    const speech = yield* Session.CurrentSpeech
    if (speech !== undefined) core.speeches.get(speech)?.attending.openUnsafe()
    const call = yield* CurrentCall
    if (call !== undefined) core.calls.letGo(call)
  })

export const makeSession = (core: Core, parts: Parts): Session.Session["Service"] => {
  const { ended } = parts
  const handoff = makeHandoff(core, parts.exitTimeout)
  const session: Session.Session["Service"] = Session.Session.of({
    id: core.id,
    job: parts.job,
    participant: Effect.sync(core.participant.current),
    track: core.output.sid,
    state: Effect.sync(() => {
      const { agent, status, turn, user } = core.conductor.state()
      return { agent, user, status, turn }
    }),
    agent: Effect.sync(() => core.agent.persona().name),
    instructions: Effect.sync(() => core.agent.persona().instructions),
    tools: Effect.sync(core.agent.tools),
    history: Effect.sync(core.history.current),
    spent: Effect.sync(core.spending.report),
    updateHistory: (f) => Effect.sync(() => core.history.updated(f)),
    events: parts.events,
    say: (text, options = {}) => whenOpen(core, () => Effect.sync(() => enqueue(core, "say", text, options))),
    reply: (options = {}) => whenOpen(core, () => Effect.sync(() => enqueue(core, "reply", undefined, options))),
    send: (text) =>
      whenOpen(core, () =>
        Effect.sync(() => {
          if (text.trim() !== "") signal(core, { _tag: "Typed", text: text.trim() })
        })),
    interrupt: (options) => whenOpen(core, () => interrupt(core, options?.force === true)),
    commitTurn: (options) =>
      whenOpen(core, () =>
        millis("wait", options?.wait, 2000).pipe(
          Effect.mapError(refused),
          Effect.map((waitMs) => signal(core, { _tag: "CommitTurn", waitMs }))
        )),
    clearTurn: Effect.sync(() => signal(core, { _tag: "ClearTurn" })),
    listen: parts.attach,
    update: (change) => update(core, change),
    handoff: (agent) => handoff(session, agent),
    hangUp: (options) =>
      Effect.map(parts.company, (company) => {
        // In an empty room there is nobody to say goodbye to.
        if (options?.say !== undefined && company && isOpen(core)) enqueue(core, "say", options.say, {})
        signal(core, { _tag: "Close", drain: true, reason: "hang_up" })
      }),
    close: (options) =>
      Effect.sync(() => signal(core, { _tag: "Close", drain: options?.drain === true, reason: "closed" })),
    ended: Effect.andThen(attend(core), Deferred.await(ended))
  })
  return session
}
