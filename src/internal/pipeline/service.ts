/** The `Session` that tools, hooks and the program see. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as PubSub from "effect/PubSub"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Agent from "../../Agent.ts"
import type * as Event from "../../Event.ts"
import * as History from "../../History.ts"
import type * as Room from "../../Room.ts"
import * as Session from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, latest, nextId, signal, stamp } from "./core.ts"
import { guarded } from "./failures.ts"
import { checkTurn, type InvalidOption, mergeTurn, millis } from "./options.ts"
import { bind } from "./persona.ts"
import { makeSpeech, type Speech } from "./speech.ts"

export interface Parts {
  readonly id: string
  readonly job: Readonly<Record<string, string>>
  /** Set before anything can ask for it. */
  readonly core: () => Core
  readonly events: PubSub.PubSub<Event.Event>
  readonly ended: Deferred.Deferred<Event.CloseReason>
  readonly participant: () => Room.Participant | undefined
  /** Whether anyone is there to be spoken to. */
  readonly company: Effect.Effect<boolean>
  readonly attach: (on: boolean) => Effect.Effect<void>
  readonly exitTimeout: number
}

const refused = ({ detail, option }: InvalidOption) =>
  new Session.SessionError({ reason: "InvalidOption", detail: `${option} ${detail}` })

const closed = new Session.SessionError({ reason: "Closed", detail: "the session has ended, or is ending" })

export const makeSession = (parts: Parts): Session.Session["Service"] => {
  const { core, ended, events } = parts
  const handing = Semaphore.makeUnsafe(1)
  const isOpen = () => {
    const { status } = core().conductor.state()
    return status === "open" || status === "starting"
  }
  const whenOpen = <A, E, R>(effect: () => Effect.Effect<A, E, R>): Effect.Effect<A, E | Session.SessionError, R> =>
    Effect.suspend((): Effect.Effect<A, E | Session.SessionError, R> => isOpen() ? effect() : Effect.fail(closed))

  const enqueue = (
    source: "say" | "reply",
    text: string | Stream.Stream<string> | undefined,
    options: Session.ReplyOptions
  ): Session.Speech => {
    const id = nextId(core(), "speech")
    const speech = makeSpeech({ id, source, text, options, now: stamp(core()) })
    core().speeches.set(id, speech)
    signal(core(), { _tag: "Enqueue", speech: id, source, protected: options.protected === true })
    return handle(core(), speech)
  }
  const interrupt = (force: boolean) =>
    Effect.suspend(() => {
      if (!force && Turn.isProtected(core().conductor.state())) return Effect.fail(protectedSpeech)
      signal(core(), { _tag: "Interrupt", force })
      return Effect.void
    })
  const update = (change: Session.Update) =>
    Effect.gen(function*() {
      const turn = change.turn === undefined
        ? undefined
        : core().spending.allowed(mergeTurn(core().turnOptions, change.turn))
      const settings = turn === undefined ? undefined : yield* checkTurn(turn).pipe(
        Effect.mapError(refused)
      )
      const { instructions, tools, voice } = change
      const target = core()
      target.persona = {
        ...target.persona,
        ...(instructions === undefined ? {} : { instructions }),
        ...(voice === undefined ? {} : { voice })
      }
      if (tools !== undefined) target.tools = tools
      if (turn !== undefined) target.turnOptions = turn
      if (settings !== undefined) signal(target, { _tag: "Tune", settings })
    })
  const handoff = <R>(
    agent: Agent.Agent<R>
  ): Effect.Effect<void, Session.SessionError | Tools.ToolsError, Exclude<R, Session.Session>> =>
    whenOpen(() =>
      Effect.gen(function*() {
        const next = yield* bind(agent, session, core().defaults)
        yield* handing.withPermits(1)(Effect.gen(function*() {
          const { persona } = core()
          yield* leave(core(), parts.exitTimeout)
          if (!isOpen()) return yield* Effect.fail(closed)
          core().stamped = Math.max(core().stamped, latest(agent.history))
          core().history = History.insert(
            History.merge(core().history, agent.history),
            {
              _tag: "Handoff",
              id: nextId(core(), "handoff"),
              from: persona.name,
              to: next.persona.name,
              createdAt: stamp(core())
            }
          )
          core().handoffs += 1
          core().persona = next.persona
          core().tools = next.tools
          core().publish({ _tag: "AgentChanged", from: persona.name, to: next.persona.name })
          enter(core())
        }))
      })
    )

  const session: Session.Session["Service"] = Session.Session.of({
    id: parts.id,
    job: parts.job,
    participant: Effect.sync(parts.participant),
    track: Effect.suspend(() => core().output.sid),
    state: Effect.sync(() => {
      const { agent, status, turn, user } = core().conductor.state()
      return { agent, user, status, turn }
    }),
    agent: Effect.sync(() => core().persona.name),
    instructions: Effect.sync(() => core().persona.instructions),
    tools: Effect.sync(() => core().tools),
    history: Effect.sync(() => core().history),
    spent: Effect.sync(() => core().spending.report()),
    updateHistory: (f) =>
      Effect.sync(() => {
        core().history = f(core().history)
      }),
    events: Stream.suspend(() =>
      Deferred.isDoneUnsafe(ended)
        ? Stream.empty
        : Stream.takeUntil(Stream.fromPubSub(events), (event) => event._tag === "SessionClosed")
    ),
    say: (text, options = {}) => whenOpen(() => Effect.sync(() => enqueue("say", text, options))),
    reply: (options = {}) => whenOpen(() => Effect.sync(() => enqueue("reply", undefined, options))),
    send: (text) =>
      whenOpen(() =>
        Effect.sync(() => {
          if (text.trim() !== "") signal(core(), { _tag: "Typed", text: text.trim() })
        })
      ),
    interrupt: (options) => whenOpen(() => interrupt(options?.force === true)),
    commitTurn: (options) =>
      whenOpen(() =>
        millis("wait", options?.wait, 2000).pipe(
          Effect.mapError(refused),
          Effect.map((waitMs) => signal(core(), { _tag: "CommitTurn", waitMs }))
        )
      ),
    clearTurn: Effect.sync(() => signal(core(), { _tag: "ClearTurn" })),
    listen: parts.attach,
    update,
    handoff,
    hangUp: (options) =>
      Effect.map(parts.company, (company) => {
        // In an empty room there is nobody to say goodbye to.
        if (options?.say !== undefined && company && isOpen()) enqueue("say", options.say, {})
        signal(core(), { _tag: "Close", drain: true, reason: "hang_up" })
      }),
    close: (options) =>
      Effect.sync(() => signal(core(), { _tag: "Close", drain: options?.drain === true, reason: "closed" })),
    ended: Effect.andThen(
      Effect.flatMap(Session.CurrentSpeech, (speech) =>
        // The end waits for the speech, which waits for its tool: it is to wait no longer.
        Effect.sync(() => core().speeches.get(speech ?? "")?.attending.openUnsafe())).pipe(
          Effect.andThen(Effect.map(CurrentCall, (call) => core().calls.get(call ?? "")?.over.openUnsafe()))
        ),
      Deferred.await(ended)
    )
  })
  return session
}

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
  const { onEnter } = core.persona
  core.entered = true
  if (onEnter !== undefined) core.fork(guarded(core, "onEnter", onEnter))
}

/** Lets the agent finish, once and for a bounded time. */
export const leave = (core: Core, timeout: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { onExit } = core.persona
    if (onExit === undefined || !core.entered || core.left === onExit) return Effect.void
    core.left = onExit
    const onLate = () => core.publish({ _tag: "Warning", component: "hook", message: "onExit did not end in time" })
    return Effect.asVoid(guarded(core, "onExit", onExit, { ms: timeout, onLate }))
  })
