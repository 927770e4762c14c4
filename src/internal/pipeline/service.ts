/** The `Session` that tools, hooks and the program see. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type * as Room from "../../Room.ts"
import * as Session from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { CurrentSpeech } from "../session.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, nextId, signal, stamp } from "./core.ts"
import { turnOf } from "./handoff.ts"
import { type Job, makeJob } from "./job.ts"
import { checkTurn, type InvalidOption, mergeTurn, millis } from "./options.ts"

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
  readonly handoff: Session.Session["Service"]["handoff"]
}

const refused = ({ detail, option }: InvalidOption) =>
  new Session.SessionError({ reason: "InvalidOption", detail: `${option} ${detail}` })

export const makeSession = (parts: Parts): Session.Session["Service"] => {
  const { core, ended, events } = parts
  let refusals = 0
  const isOpen = () => {
    const status = Turn.status(core().conductor.state())
    return status === "open" || status === "starting"
  }
  const enqueue = (
    source: "say" | "reply",
    text: string | Stream.Stream<string> | undefined,
    options: Session.ReplyOptions
  ): Session.Speech => {
    if (!isOpen()) return discarded(`discarded-${++refusals}`)
    const id = nextId(core(), "speech")
    const job = makeJob({ id, source, text, options, now: stamp(core()) })
    core().jobs.set(id, job)
    signal(core(), { _tag: "Enqueue", speech: id, source, protected: options.protected === true })
    return handle(core(), job)
  }
  const interrupt = (force: boolean) =>
    Effect.suspend(() => {
      if (!isOpen()) return Effect.void
      if (!force && Turn.isProtected(core().conductor.state())) return Effect.fail(protectedSpeech)
      signal(core(), { _tag: "Interrupt", force })
      return Effect.void
    })
  const update = (change: Session.Update) =>
    Effect.gen(function*() {
      const target = core()
      const { instructions, tools, turn, voice } = change
      const persona = {
        ...target.persona,
        ...(instructions === undefined ? {} : { instructions }),
        ...(voice === undefined ? {} : { voice }),
        // What is asked for now goes before what the agent was made with.
        ...(turn === undefined || target.persona.turn === undefined
          ? {}
          : { turn: mergeTurn(target.persona.turn, turn) })
      }
      const turnOptions = turn === undefined ? target.turnOptions : mergeTurn(target.turnOptions, turn)
      const settings = turn === undefined ? undefined : yield* checkTurn(turnOf(target, persona, turnOptions)).pipe(
        Effect.mapError(refused)
      )
      target.persona = persona
      target.turnOptions = turnOptions
      if (tools !== undefined) target.tools = tools
      if (settings !== undefined) signal(target, { _tag: "Tune", settings })
    })

  const session: Session.Session["Service"] = Session.Session.of({
    id: parts.id,
    job: parts.job,
    participant: Effect.sync(parts.participant),
    track: Effect.suspend(() => core().output.sid),
    state: Effect.sync(() => Turn.overview(core().conductor.state())),
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
    say: (text, options = {}) => Effect.sync(() => enqueue("say", text, options)),
    reply: (options = {}) => Effect.sync(() => enqueue("reply", undefined, options)),
    send: (text) =>
      Effect.sync(() => {
        if (!isOpen()) return false
        if (text.trim() !== "") signal(core(), { _tag: "Typed", text: text.trim() })
        return true
      }),
    interrupt: (options) => interrupt(options?.force === true),
    commitTurn: (options) =>
      millis("wait", options?.wait, 2000).pipe(
        Effect.mapError(refused),
        Effect.map((waitMs) => {
          if (isOpen()) signal(core(), { _tag: "CommitTurn", waitMs })
        })
      ),
    clearTurn: Effect.sync(() => signal(core(), { _tag: "ClearTurn" })),
    listen: parts.attach,
    update,
    handoff: parts.handoff,
    hangUp: (options) =>
      Effect.map(parts.company, (company) => {
        // In an empty room there is nobody to say goodbye to.
        if (options?.say !== undefined && company) enqueue("say", options.say, {})
        signal(core(), { _tag: "Close", drain: true, reason: "hang_up" })
      }),
    close: (options) =>
      Effect.sync(() => signal(core(), { _tag: "Close", drain: options?.drain === true, reason: "closed" })),
    ended: Effect.andThen(
      Effect.flatMap(CurrentSpeech, (speech) =>
        // The end waits for the speech, which waits for its tool: it is to wait no longer.
        Effect.sync(() => core().jobs.get(speech ?? "")?.attending.openUnsafe())).pipe(
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

/** What comes too late to be said. */
const discarded = (id: string): Session.Speech => ({
  id,
  heard: Effect.succeed({ text: "", playedMs: 0, outcome: "discarded" }),
  interrupt: () => Effect.void
})

const handle = (core: Core, job: Job): Session.Speech => ({
  id: job.id,
  heard: Effect.flatMap(CurrentSpeech, (current) =>
    current === job.id
      ? Effect.fail(
        new Session.SessionError({
          reason: "OwnSpeech",
          detail: "a tool cannot wait for the speech that waits for the tool"
        })
      )
      : Deferred.await(job.result)),
  interrupt: (options) =>
    Effect.suspend(() => {
      const force = options?.force === true
      if (!force && Turn.isProtected(core.conductor.state(), job.id)) return Effect.fail(protectedSpeech)
      signal(core, { _tag: "Interrupt", force, speech: job.id })
      return Effect.void
    })
})
