/** The `Session` that tools, hooks and the program see. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as Event from "../../Event.ts"
import type { InvalidOptions } from "../../Failure.ts"
import type * as Room from "../../Room.ts"
import * as Session from "../../Session.ts"
import * as Turn from "../../Turn.ts"
import { makeTextLimit } from "../room/textLimit.ts"
import { CurrentHook, CurrentSpeech } from "../session.ts"
import { CurrentCall } from "../tools/execute.ts"
import { type Core, isOpen, signal } from "./core.ts"
import type { Handoff } from "./handoff.ts"
import { given } from "./longTexts.ts"
import { letOthersAnswer } from "./measuring.ts"
import { beforeFirstWords, beforeGoodbye, isOwed } from "./outstanding.ts"
import {
  checkAnswering,
  checkClose,
  checkHangUp,
  checkInterrupt,
  checkKeys,
  checkObject,
  checkTransfer,
  checkUpdate,
  checkWait,
  checkWords
} from "./requests.ts"
import { perform } from "./tasks.ts"
import { transfer } from "./transfer.ts"
import { asker, protectedSpeech, want } from "./wishes.ts"

export interface Parts extends Handoff {
  readonly job: Readonly<Record<string, string>>
  readonly events: Stream.Stream<Event.Event>
  readonly ended: Deferred.Deferred<Event.CloseReason>
  /** Whether anyone is there to be spoken to. */
  readonly company: Effect.Effect<boolean>
  readonly room: Room.Room["Service"]
  readonly attach: (on: boolean) => Effect.Effect<void>
}

const refused = ({ message }: InvalidOptions) => new Session.SessionError({ reason: "InvalidOption", detail: message })

const interrupt = (core: Core, options: { readonly force?: boolean | undefined }) =>
  Effect.suspend(() => {
    const { force } = checkInterrupt(options)
    if (!isOpen(core)) return Effect.void
    if (!force && Turn.isProtected(core.conductor.state())) return Effect.fail(protectedSpeech)
    signal(core, { _tag: "Interrupt", force })
    return Effect.void
  })

const update = (core: Core, change: Session.Update) =>
  Effect.gen(function*() {
    yield* Effect.mapError(checkUpdate(change), refused)
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
  goodbye: string | undefined
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const call = yield* CurrentCall
    if (call !== undefined) core.outstanding.excuse(call)
    // In an empty room, and while a line rings, there is nobody to say goodbye to.
    const there = yield* company
    const close = (): void => {
      if (goodbye !== undefined && there) want(core, { source: "say", text: goodbye })
      signal(core, { _tag: "Close", drain: true, reason: "hang_up" })
    }
    if (there) yield* letOthersAnswer(core)
    const first = core.outstanding.leave()
    if (!there || !isOpen(core) || !isOwed(core, call)) return close()
    if (!first) return
    const say = (text: string) => void want(core, { source: "say", text })
    core.fork(Effect.andThen(beforeGoodbye(core, call, say), Effect.sync(close)))
  })

/** Whether a turn may follow from what a hook makes of one: a circle of them would be endless, and take no time. */
const makeCircleGuard = (core: Core): () => boolean => {
  const refuse = makeTextLimit(core.conductor.now)
  let told = false
  return () => {
    const why = refuse("")
    if (why === undefined) return true
    const message = `send in onUserTurn was refused: ${why}, each of which the hook is called for again`
    if (!told) core.publish({ _tag: "Warning", component: "hook", message })
    told = true
    return false
  }
}

/** The end waits for the speech, which waits for its tool, which waits for the end: it is to wait no longer. */
const attend = (core: Core): Effect.Effect<void> =>
  Effect.gen(function*() {
    const speech = yield* CurrentSpeech
    if (speech !== undefined) core.speeches.get(speech)?.attending.openUnsafe()
    const call = yield* CurrentCall
    if (call !== undefined) core.calls.letGo(call)
  })

export const makeSession = (core: Core, parts: Parts): Session.Session["Service"] => {
  const mayFollow = makeCircleGuard(core)
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
    running: Effect.map(
      CurrentCall,
      (asking) =>
        core.calls.running().flatMap(([id, { item: { name }, startedAt }]) =>
          id === asking ? [] : [{ id, name, seconds: (core.conductor.now() - startedAt) / 1000 }]
        )
    ),
    cancel: (id) => Effect.map(core.runner.end([id]), (ended) => ended.length > 0),
    callState: core.callState,
    spent: Effect.sync(core.spending.report),
    updateHistory: (f) => Effect.sync(() => core.history.updated(f)),
    events: parts.events,
    say: (text, options) =>
      Effect.map(asker, (by) => {
        checkObject("say", options, "say(text, { when: \"now\" })")
        beforeFirstWords(core, "say", options ?? {})
        return want(core, { source: "say", text, options }, by)
      }),
    reply: (options) =>
      Effect.map(asker, (by) => {
        checkObject("reply", options, "reply({ instructions: \"…\" })")
        beforeFirstWords(core, "reply", options ?? {})
        return want(core, { source: "reply", options }, by)
      }),
    send: (text) =>
      Effect.map(CurrentHook, (hook) => {
        checkWords("send", text, false)
        if (!isOpen(core) || (hook?.name === "onUserTurn" && !mayFollow())) return false
        if (text.trim() !== "") signal(core, { _tag: "Typed", text: given(core, "send", text.trim()) })
        return true
      }),
    interrupt: (options = {}) => interrupt(core, options),
    commitTurn: (options) =>
      checkWait(options ?? {}).pipe(
        Effect.mapError(refused),
        Effect.map(({ wait: waitMs }) => {
          if (isOpen(core)) signal(core, { _tag: "CommitTurn", waitMs })
        })
      ),
    answeredBy: (options) =>
      checkAnswering(options ?? {}).pipe(
        Effect.mapError(refused),
        Effect.flatMap((checked) => core.answering.by(core, checked))
      ),
    keys: (options) =>
      checkKeys(options ?? {}).pipe(
        Effect.mapError(refused),
        Effect.flatMap((checked) => core.keys.collect(core, checked))
      ),
    clearTurn: Effect.sync(() => signal(core, { _tag: "ClearTurn" })),
    listen: parts.attach,
    update: (change) => update(core, change),
    handoff: (agent) =>
      Effect.flatMap(CurrentCall, (call) => {
        if (call !== undefined) core.outstanding.excuse(call)
        return parts.handoff(agent, session)
      }),
    perform: (task) => perform(core, parts.lend, task, session),
    hangUp: (options = {}) =>
      Effect.suspend(() => {
        const { say: goodbye } = checkHangUp(options)
        if (goodbye !== undefined) checkWords("hangUp", goodbye, false)
        return Effect.andThen(parts.mayEnd, hangUp(core, parts.company, goodbye))
      }),
    transfer: (options) =>
      checkTransfer(options).pipe(
        Effect.mapError(refused),
        Effect.tap(() => parts.mayEnd),
        Effect.flatMap((checked) => transfer(core, parts.room, checked))
      ),
    close: (options = {}) =>
      Effect.sync(() => {
        signal(core, { _tag: "Close", drain: checkClose(options).drain, reason: "closed" })
      }),
    ended: Effect.andThen(attend(core), Deferred.await(parts.ended))
  })
  return session
}
