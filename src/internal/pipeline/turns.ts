/**
 * Turns of the user: each enters the history, becomes an event, and goes to its hook; the reply
 * gets its times. A new turn interrupts the hook of the turn before.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Turn from "../../Turn.ts"
import { type Core, signal, spanned, type TurnTimes } from "./core.ts"
import { guarded } from "./failures.ts"
import { makeHook } from "./hooks.ts"
import { given } from "./longTexts.ts"
import { checkVerdict } from "./requests.ts"
import { basisOf, isCurrent } from "./speech.ts"

type ActionOf<Tag extends Turn.Action["_tag"]> = Extract<Turn.Action, { readonly _tag: Tag }>

export interface Turns {
  readonly commit: (action: ActionOf<"CommitTurn">) => void
  /** Words that nobody answers. */
  readonly keep: (action: ActionOf<"KeepWords">) => void
  /** Words that are no turn. */
  readonly setAside: (action: ActionOf<"SetAside">) => void
  readonly tooLong: (action: ActionOf<"TurnLimit">) => void
  /** The times of a committed turn, for its first reply. */
  readonly takeTimes: (turn: number) => TurnTimes | undefined
  /** Nobody waits for a hook any more. */
  readonly stop: () => void
}

export const makeTurns = (core: Core, hookTimeout: number): Turns => {
  let latest: TurnTimes | undefined
  let hook: Fiber.Fiber<void> | undefined
  let limitHook: Fiber.Fiber<unknown> | undefined

  const remember = (turn: number, text: string, source: TurnTimes["source"]): string => {
    const id = core.history.userSaid(text, core.participant.identity())
    if (source !== "text") core.turnAudio.commit(id)
    core.publish({ _tag: "UserSpeechCommitted", turn, id, text, source })
    return id
  }
  return {
    commit: ({ finalAt, source, stoppedAt, text, turn }) => {
      const before = core.history.current()
      const guess = Turn.guess(core.conductor.state())
      const basis = guess === undefined ? undefined : core.speeches.get(guess)?.basis
      const stale = basis !== undefined && !isCurrent(core, basis)
      core.measuring.drop()
      latest = { turn, source, stoppedAt, finalAt, committedAt: core.conductor.now() }
      // A machine is not talked with, and a person is greeted.
      const unanswered = core.answering.isOn()
      const id = remember(turn, text, source)
      core.history.lookedUp(undefined)
      hook?.interruptUnsafe()
      hook = undefined
      if (unanswered) return signal(core, { _tag: "Declined", turn })
      const { onUserTurn } = core.agent.bound()
      if (onUserTurn === undefined) return signal(core, { _tag: "Accepted", turn, text, changed: stale })
      const asking = basisOf(core)
      const { heard, within } = makeHook(core, "onUserTurn")
      const asked = within(Effect.map(
        Effect.suspend(() => onUserTurn({ turn, text, source, language: core.conductor.language(), history: before })),
        checkVerdict
      ))
      hook = core.fork(
        guarded(core, "onUserTurn", asked, { ms: hookTimeout, spared: heard, late: "answer" }).pipe(
          Effect.map((verdict) => {
            const changed = stale || verdict?.context !== undefined || !isCurrent(core, asking)
            const said = verdict?.text === undefined ? text : given(core, "onUserTurn", verdict.text)
            if (said !== text) {
              core.history.reworded(id, said)
              core.turnAudio.forget(id)
            }
            const context = verdict?.context
            core.history.lookedUp(context === undefined ? undefined : given(core, "onUserTurn", context))
            if (verdict?.reply === false) return signal(core, { _tag: "Declined", turn })
            signal(core, { _tag: "Accepted", turn, text: said, changed })
          }),
          spanned("onUserTurn", { turn })
        )
      )
    },
    keep: ({ text, turn }) => void remember(turn, text, "voice"),
    setAside: ({ endedAt, reason, startedAt, text }) => {
      const participant = core.participant.identity()
      const id = core.history.userSetAside({ text, reason, createdAt: startedAt, participant })
      core.publish({ _tag: "UserSpeechSetAside", id, text, reason, startedAt, endedAt })
    },
    tooLong: ({ speechMs, words }) => {
      const { onTurnLimit } = core.agent.bound()
      const running = limitHook !== undefined && limitHook.pollUnsafe() === undefined
      if (onTurnLimit === undefined || running) return
      const { within } = makeHook(core, "onTurnLimit")
      const asked = within(Effect.suspend(() => onTurnLimit({ words, speechMs })))
      limitHook = core.fork(guarded(core, "onTurnLimit", asked))
    },
    takeTimes: (turn) => {
      const times = latest?.turn === turn ? latest : undefined
      latest = undefined
      return times
    },
    stop: () => hook?.interruptUnsafe()
  }
}
