/**
 * How an agent begins, hands over and leaves.
 *
 * The session binds the next agent first. If that fails, or the request is interrupted, nothing
 * changes. From the `onExit` of the present agent on, one hand-off is done after the other.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import type * as Agent from "../../Agent.ts"
import * as History from "../../History.ts"
import type * as Session from "../../Session.ts"
import * as Tools from "../../Tools.ts"
import type * as Turn from "../../Turn.ts"
import type * as Vad from "../../Vad.ts"
import { checkAgent } from "../agentOptions.ts"
import { asAsked, CurrentSpeech } from "../session.ts"
import { CurrentCall } from "../tools/execute.ts"
import type { Prepared, Retunable } from "../vad/retunable.ts"
import type { Binding, BoundAgent } from "./boundAgent.ts"
import { type Core, isOpen } from "./core.ts"
import type { Loan } from "./currentAgent.ts"
import { guarded, mended } from "./failures.ts"
import type { Listening } from "./listening.ts"
import { letOthersAnswer } from "./measuring.ts"
import { mergeVad } from "./options.ts"
import { awaitResults, owe } from "./outstanding.ts"

/** Whether an agent's `onExit` is at work: who waits there for the conversation to go to another one waits for itself. */
const CurrentExit = Context.Reference<boolean>("effect-voice/internal/pipeline/handoff/CurrentExit", {
  defaultValue: () => false
})

/** Hand-offs within a second: agents that pass the conversation on as they begin would do so without end. */
const mostHandoffs = 32

const refused = (message: string): Effect.Effect<never> => Effect.die(new Tools.ToolError({ message }))

/** Two tools of one name are no accident of a call: nobody can do anything about it but who wrote it. */
const isBug = (error: unknown): error is Tools.ToolsError => error instanceof Tools.ToolsError

/**
 * As a part of the session, and not of the tool that asks for it: in its logs and
 * traces, on nobody's behalf. It ends with whoever waits for it, and comes to
 * nothing when the session ends.
 */
const bySession = <A, E>(core: Core, effect: Effect.Effect<A, E>): Effect.Effect<A | undefined, E> =>
  Effect.flatMap(asAsked, (tied) => {
    const fiber = core.fork(tied(effect))
    return Fiber.join(fiber).pipe(
      Effect.catchCauseIf(
        (cause) => Cause.hasInterruptsOnly(cause) && !isOpen(core),
        () => Effect.undefined
      ),
      Effect.onInterrupt(() => Fiber.interrupt(fiber))
    )
  })

/** Lets the agent begin; what it does then is its own affair. */
export const enter = (core: Core): void => {
  const { onEnter } = core.agent.bound()
  core.agent.entered()
  if (onEnter !== undefined) core.fork(guarded(core, "onEnter", onEnter))
}

/**
 * Lets the next agent begin once what was asked for together with the hand-off has come: the caller is told that before
 * anything else. An agent that has given the call away meanwhile does not begin, and before the participant is there
 * nobody does: whoever has the conversation then will.
 */
const succeed = (core: Core): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (!core.agent.hasEntered()) return
    const call = yield* CurrentCall
    const { calls = [] } = core.speeches.get((yield* CurrentSpeech) ?? "") ?? {}
    const place = core.agent.place()
    const begin = Effect.sync(() => {
      if (!isOpen(core) || core.agent.place() !== place) return
      owe(core)
      core.outstanding.enters()
      enter(core)
    })
    const others = calls.filter((id) => id !== call)
    if (others.length === 0 || core.agent.bound().onEnter === undefined) return yield* begin
    core.fork(Effect.andThen(awaitResults(core, others), begin))
  })

/** Lets an agent finish, for a bounded time. */
const exit = (core: Core, timeout: number, onExit: NonNullable<BoundAgent["onExit"]>): Effect.Effect<void> =>
  Effect.asVoid(
    guarded(core, "onExit", Effect.provideService(onExit, CurrentExit, true), { ms: timeout, late: "end" })
  )

/** Lets the agent finish, and those who wait for the conversation, each once. */
export const leave = (core: Core, timeout: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(core.agent.takeExits(), (onExit) => exit(core, timeout, onExit), { discard: true })
  )

interface Parts {
  readonly bind: <E>(
    agent: Agent.Agent<Session.Given, E>,
    session: Session.Session["Service"]
  ) => Effect.Effect<Binding, E | Tools.ToolsError>
  readonly detector: Retunable
  readonly hearBy: Listening["hearBy"]
  /** The pipeline's own options of the detector. */
  readonly vad: Vad.Options | undefined
  readonly exitTimeout: number
}

/** All that an agent needs to go on. */
interface Successor {
  readonly binding: Binding
  readonly settings: Turn.Settings
  readonly detector: Prepared | undefined
}

export interface Handoff {
  readonly handoff: <R, E>(
    ready: Session.Ready<R, E>,
    session: Session.Session["Service"]
  ) => Effect.Effect<void, E>
  /** For a call that ends the conversation: dies where another call of its step has given it away. */
  readonly mayEnd: Effect.Effect<void>
  /**
   * Gives the conversation to an agent while something is done; `lost` opens once it has gone to another one for good.
   * Then the agent that had it goes on, where it was. Gives nothing if the session ends before.
   */
  readonly lend: <E, A, E2>(
    agent: Agent.Agent<Session.Given, E>,
    session: Session.Session["Service"],
    use: (lost: Latch.Latch) => Effect.Effect<A, E2>
  ) => Effect.Effect<A | undefined, E | E2>
}

/** Of several calls of one step that each give the conversation away, or end it, the first one does. */
const makeClaims = (core: Core) => {
  let latest: { readonly call: string; readonly to: string } | undefined

  const mayEnd = Effect.gen(function*() {
    const call = yield* CurrentCall
    const before = latest
    if (call === undefined || before === undefined || before.call === call) return
    const step = core.speeches.get((yield* CurrentSpeech) ?? "")?.calls ?? []
    if (step.includes(before.call)) {
      return yield* refused(`the conversation was handed over to ${before.to} by another call`)
    }
  })

  const claim = (agent: Agent.Agent<Session.Given, unknown>) => <A, E>(handoff: Effect.Effect<A, E>) =>
    Effect.gen(function*() {
      const call = yield* CurrentCall
      if (call === undefined) return yield* handoff
      if (core.outstanding.isLeaving()) {
        return yield* refused("the call ends: another call hangs up")
      }
      yield* mayEnd
      const mine = latest = { call, to: agent.name }
      return yield* Effect.onError(handoff, () =>
        Effect.sync(() => {
          if (latest === mine) latest = undefined
        }))
    })
  return { claim, mayEnd }
}

/** One hand-off after the other, without end of them, and without leaving anything behind. */
const makeTurnwise = (core: Core, handing: Semaphore.Semaphore) => {
  let lately: ReadonlyArray<number> = []

  /** Whether the conversation may go to another agent once more. */
  const counted: Effect.Effect<void> = Effect.suspend(() => {
    const now = core.conductor.now()
    lately = [...lately.filter((at) => now - at < 1000), now]
    return lately.length > mostHandoffs
      ? refused(
        `the conversation was handed over ${mostHandoffs} times within a second: do its agents pass it on as they begin?`
      )
      : Effect.void
  })

  return <A>({ detector }: Successor, change: Effect.Effect<A>): Effect.Effect<A> =>
    CurrentExit.pipe(
      Effect.flatMap((isLeaving) =>
        isLeaving && isOpen(core)
          ? refused("an agent in its onExit cannot give the conversation away: it goes to another one already")
          : handing.withPermits(1)(Effect.andThen(counted, change))
      ),
      Effect.ensuring(detector?.discard ?? Effect.void)
    )
}

export const makeHandoff = (core: Core, parts: Parts): Handoff => {
  const { bind, detector, exitTimeout, hearBy } = parts
  const handing = Semaphore.makeUnsafe(1)
  const turnwise = makeTurnwise(core, handing)
  const { claim, mayEnd } = makeClaims(core)

  /** The detector as the agent wants it; the call goes on with the one that it has if there is none. */
  const tuned = (bound: BoundAgent): Effect.Effect<Prepared | undefined> =>
    core.agent.bound().vad === undefined && bound.vad === undefined
      ? Effect.undefined
      : Effect.catch(
        detector.prepare(mergeVad(parts.vad, bound.vad)),
        (error) =>
          error.reason._tag === "InvalidOptions" ? Effect.die(error) : Effect.sync(() => {
            mended(core, "vad", "vad", Cause.fail(error))
            return undefined
          })
      )

  const successor = (binding: Binding): Effect.Effect<Successor> =>
    Effect.gen(function*() {
      const settings = yield* Effect.orDie(core.tuning.settingsWith(binding.agent.turn))
      return { binding, settings, detector: yield* tuned(binding.agent) }
    })

  const prepare = <E>(
    agent: Agent.Agent<Session.Given, E>,
    session: Session.Session["Service"]
  ): Effect.Effect<Successor, E> =>
    Effect.flatMap(
      bind(agent, session).pipe(
        Effect.catchIf(isBug, Effect.die)
      ),
      successor
    )

  /** Another agent has the conversation from now on, as `change` says. */
  const goOn = <A>(
    { binding: { agent: after }, detector, settings }: Successor,
    history: History.History,
    change: () => A
  ): Effect.Effect<A> =>
    Effect.suspend(() => {
      const before = core.agent.bound()
      core.history.handedOver({ from: before.name, to: after.name, history })
      const changed = change()
      if (before.turn !== undefined || after.turn !== undefined) core.tuning.tune(settings)
      detector?.takeOver()
      return Effect.map(hearBy(after.stt), () => {
        core.publish({ _tag: "AgentChanged", from: before.name, to: after.name })
        return changed
      })
    })

  const replace = (agent: Agent.Agent<Session.Given, unknown>, next: Successor): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (next.binding.agent.onEnter !== undefined) yield* letOthersAnswer(core)
      yield* leave(core, exitTimeout)
      if (!isOpen(core)) return
      yield* goOn(next, agent.history, () => core.agent.replaced(next.binding))
      yield* succeed(core)
    })

  const giveBack = ({ next, returned, takeExit }: Loan): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (!isOpen(core)) return
      const onExit = takeExit()
      if (onExit !== undefined) yield* exit(core, exitTimeout, onExit)
      const binding = next()
      if (binding === undefined || !isOpen(core)) return returned()
      const before = yield* successor(binding)
      yield* Effect.ensuring(goOn(before, History.empty, returned), before.detector?.discard ?? Effect.void)
    })

  const begin = (agent: Agent.Agent<Session.Given, unknown>, next: Successor): Effect.Effect<Loan | undefined> =>
    Effect.gen(function*() {
      if (!isOpen(core)) return undefined
      yield* letOthersAnswer(core)
      const loan = yield* goOn(next, agent.history, () => core.agent.lent(next.binding))
      if (core.agent.hasEntered()) enter(core)
      return loan
    })

  const lend: Handoff["lend"] = (agent, session, use) =>
    Effect.flatMap(
      bySession(core, prepare(agent, session)),
      (next) =>
        next === undefined ?
          Effect.undefined :
          claim(agent)(Effect.uninterruptibleMask((restore) =>
            Effect.flatMap(turnwise(next, begin(agent, next)), (loan) =>
              loan === undefined
                ? Effect.undefined
                : Effect.ensuring(restore(use(loan.lost)), handing.withPermits(1)(giveBack(loan))))
          ))
    )

  const handoff = <R, E>(ready: Session.Ready<R, E>, session: Session.Session["Service"]): Effect.Effect<void, E> =>
    Effect.suspend(() => {
      const wrong = checkAgent(ready)
      if (wrong !== undefined) return Effect.die(wrong)
      if (!isOpen(core)) return Effect.void
      // Its type says that it needs nothing but what the session has.
      const agent = ready as Agent.Agent<Session.Given, E>
      return bySession(core, prepare(agent, session)).pipe(
        Effect.flatMap((next) =>
          next === undefined
            ? Effect.void
            : turnwise(next, replace(agent, next))
        ),
        claim(agent)
      )
    })
  return { handoff, mayEnd, lend }
}
