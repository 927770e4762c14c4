/** Carries out what the turn-taking decides. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Event from "../../Event.ts"
import * as History from "../../History.ts"
import type { OverlapClassifier, TurnDetector } from "../../Pipeline.ts"
import * as Turn from "../../Turn.ts"
import { type Core, nextId, signal, spanned, stamp, type TurnTimes } from "./core.ts"
import { escalate, guarded } from "./failures.ts"
import { type Job, makeJob } from "./job.ts"
import { command } from "./loudspeaker.ts"
import { perform, refuse, stop as hush } from "./mind.ts"

export interface Ports {
  readonly finalize: () => void
  /** Asks the recogniser for all that it owes: no more audio comes. */
  readonly lastWords: () => void
  readonly finish: (reason: Event.CloseReason) => void
  /** Sees to it that an end which was asked for comes. */
  readonly watch: (drain: boolean, reason: Event.CloseReason) => void
  readonly participant: () => string | undefined
  readonly turnDetector: TurnDetector | undefined
  readonly overlapClassifier: OverlapClassifier | undefined
  readonly hookTimeout: number
}

export const makePerform = (core: Core, ports: Ports): (action: Turn.Action) => void => {
  const turns = new Map<number, TurnTimes>()
  let hook: Fiber.Fiber<void> | undefined
  let question: Fiber.Fiber<void> | undefined
  let limitHook: Fiber.Fiber<unknown> | undefined

  const start = (job: Job): void => {
    core.jobs.set(job.id, job)
    job.fiber = core.fork(perform(core, job))
  }
  const timesOf = (turn: number): TurnTimes | undefined => {
    const times = turns.get(turn)
    turns.clear()
    return times
  }
  const remember = (turn: number, text: string, source: TurnTimes["source"]): string => {
    const id = nextId(core, "message")
    const participant = ports.participant()
    core.history = History.insert(
      core.history,
      History.Message.make({
        id,
        role: "user",
        text,
        createdAt: stamp(core),
        ...(participant === undefined ? {} : { participant })
      })
    )
    core.publish({ _tag: "UserSpeechCommitted", turn, id, text, source })
    return id
  }
  /** Whether a guess would be the same if it were made now. */
  const isCurrent = (speech: string | undefined): boolean => {
    const made = speech === undefined ? undefined : core.jobs.get(speech)?.basis
    return made === undefined ||
      (made.persona === core.persona && made.tools === core.tools && made.history === core.history)
  }
  const commit = (action: Extract<Turn.Action, { readonly _tag: "CommitTurn" }>): void => {
    const { finalAt, source, stoppedAt, text, turn } = action
    const before = core.history
    const stale = !isCurrent(Turn.guess(core.conductor.state()))
    turns.clear()
    turns.set(turn, { turn, source, stoppedAt, finalAt, committedAt: core.conductor.now() })
    const id = remember(turn, text, source)
    core.context = undefined
    hook?.interruptUnsafe()
    hook = undefined
    const { onUserTurn } = core.persona
    if (onUserTurn === undefined) return signal(core, { _tag: "Accepted", turn, text, changed: stale })
    const { history, persona, tools } = core
    const onLate = () =>
      core.publish({ _tag: "Warning", component: "hook", message: "onUserTurn did not answer in time" })
    const asked = onUserTurn({ turn, text, source, history: before })
    hook = core.fork(
      guarded(core, "onUserTurn", asked, { ms: ports.hookTimeout, onLate }).pipe(
        Effect.map((verdict) => {
          const changed = stale || verdict?.context !== undefined || core.tools !== tools || core.persona !== persona ||
            core.history !== history
          const said = verdict?.text ?? text
          if (said !== text) core.history = reword(core.history, id, said)
          core.context = verdict?.context
          if (verdict?.reply === false) return signal(core, { _tag: "Declined", turn })
          signal(core, { _tag: "Accepted", turn, text: said, changed })
        }),
        spanned("onUserTurn", { turn })
      )
    )
  }
  const stop = (id: string): void => {
    const job = core.jobs.get(id)
    if (job === undefined) return signal(core, { _tag: "SpeechEnded", speech: id })
    if (job.acting) core.fork(core.runner.cancelCalls(job.calls))
    hush(core, job)
  }

  return (action) => {
    switch (action._tag) {
      case "Publish":
        return core.publish(action.event)
      case "CommitTurn":
        return commit(action)
      case "StartReply": {
        core.publish({ _tag: "SpeechCreated", speech: action.speech, source: "turn" })
        return start(makeJob({ id: action.speech, source: "turn", now: stamp(core), turn: timesOf(action.turn) }))
      }
      case "Speculate": {
        const guess = { text: action.text, tts: action.tts }
        const { history, persona, tools } = core
        const basis = { history, persona, tools }
        return start(makeJob({ id: action.speech, source: "turn", now: stamp(core), guess, basis }))
      }
      case "Authorize": {
        const job = core.jobs.get(action.speech)
        if (job === undefined) return signal(core, { _tag: "SpeechEnded", speech: action.speech })
        core.publish({ _tag: "SpeechCreated", speech: action.speech, source: "turn" })
        job.turn = timesOf(action.turn)
        job.createdAt = stamp(core)
        // What it has thought of already stands behind the words that it answers, in the same order.
        for (const item of job.early) item.createdAt = stamp(core)
        job.authorized.openUnsafe()
        return
      }
      case "Begin": {
        const job = core.jobs.get(action.speech)
        if (job === undefined) return signal(core, { _tag: "SpeechEnded", speech: action.speech })
        job.createdAt = stamp(core)
        return start(job)
      }
      case "Play": {
        const job = core.jobs.get(action.speech)
        if (job === undefined) return
        job.playing = true
        job.milestones.audible ??= core.conductor.now()
        // Paused for a speech that was at its end, and had nothing left to clear.
        if (core.paused) core.fork(command(core, "resume"))
        core.publish({ _tag: "AgentStartedSpeaking", speech: action.speech })
        job.floor.openUnsafe()
        return
      }
      case "Pause":
        core.fork(command(core, "pause"))
        return
      case "Resume":
        core.fork(command(core, "resume"))
        return
      case "Stop":
        return stop(action.speech)
      case "Refuse": {
        const job = core.jobs.get(action.speech)
        if (job !== undefined) refuse(core, job)
        return
      }
      case "AskDetector": {
        const detector = ports.turnDetector
        if (detector === undefined) return
        const { question: id, text } = action
        const { detectorDeadline, threshold } = Turn.settings(core.conductor.state()).endpointing
        question?.interruptUnsafe()
        question = core.fork(
          Effect.suspend(() => detector({ text, history: core.history })).pipe(
            Effect.timeoutOption(detectorDeadline),
            Effect.map((answer) => {
              const probability = answer._tag === "Some" ? answer.value : Number.NaN
              if (probability >= 0 && probability <= 1) signal(core, { _tag: "EndOfTurn", question: id, probability })
            }),
            // One that fails will not answer: the words decide.
            Effect.catchCause((cause) =>
              Effect.andThen(
                warn(core, "detector", "the turn detector failed", cause),
                Effect.sync(() => signal(core, { _tag: "EndOfTurn", question: id, probability: threshold }))
              )
            )
          )
        )
        return
      }
      case "Judge": {
        const classify = ports.overlapClassifier
        if (classify === undefined) return
        core.fork(
          Effect.catchCause(
            Effect.map(
              Effect.suspend(() => classify({ text: action.text, history: core.history })),
              (verdict) => signal(core, { _tag: "Overlap", verdict, text: action.text })
            ),
            (cause) => warn(core, "detector", "the overlap classifier failed", cause)
          )
        )
        return
      }
      case "Finalize":
        return ports.finalize()
      case "LastWords":
        return ports.lastWords()
      case "TurnLimit": {
        const { onTurnLimit } = core.persona
        if (onTurnLimit === undefined || limitHook?.pollUnsafe() === undefined && limitHook !== undefined) return
        limitHook = core.fork(
          guarded(core, "onTurnLimit", onTurnLimit({ words: action.words, speechMs: action.speechMs }))
        )
        return
      }
      case "Settle":
        core.fork(Effect.andThen(Effect.yieldNow, Effect.sync(() => signal(core, { _tag: "Settled" }))))
        return
      case "KeepWords":
        remember(action.turn, action.text, "voice")
        return
      case "Escalate": {
        const { apology: id, cause, component, failures } = action
        escalate(core, { component, cause, failures })
        if (id === undefined || core.apology === undefined) return
        const { frames, text } = core.apology
        core.jobs.set(id, makeJob({ id, source: "say", text, clip: frames(), now: stamp(core) }))
        return
      }
      case "Closing":
        core.leaving.openUnsafe()
        return ports.watch(action.drain, action.reason)
      case "Finish":
        hook?.interruptUnsafe()
        return ports.finish(action.reason)
    }
  }
}

const warn = (core: Core, component: Event.Component, message: string, cause: Cause.Cause<unknown>) =>
  Cause.hasInterruptsOnly(cause)
    ? Effect.interrupt
    : Effect.sync(() => core.publish({ _tag: "Warning", component, message }))

const reword = (history: History.History, id: string, text: string): History.History => ({
  items: history.items.map((item) => item._tag === "Message" && item.id === id ? { ...item, text } : item)
})
