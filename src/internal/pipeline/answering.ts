/**
 * Finds out who has answered a call that the agent's side has made: a person, or a machine. Until
 * that is known, no turn gets a reply.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Event from "../../Event.ts"
import type { AnsweredBy } from "../../Session.ts"
import { machineOf, mayBeMachine } from "../text/machines.ts"
import { canonical } from "../text/words.ts"
import { asking } from "./asking.ts"
import type { Core } from "./core.ts"
import { guarded } from "./failures.ts"
import type { CheckedAnswering } from "./requests.ts"

export interface Answering {
  /** Somebody finds out who has answered: turns get no reply. */
  readonly isOn: () => boolean
  /** Notices what is heard. */
  readonly listen: (event: Event.Event) => void
  readonly by: (core: Core, options: CheckedAnswering) => Effect.Effect<AnsweredBy>
}

/** What was heard since the call was answered. */
interface Heard {
  finals: string
  interim: string
  /** Length of the voices that have ended (ms). */
  speechMs: number
  /** When the voice that sounds has begun. */
  soundsSince: number | undefined
  /** When the voice fell silent last; `undefined` while it sounds, or before it was heard. */
  silentSince: number | undefined
  begun: boolean
  /** A turn was over. */
  turns: number
}

/** So long a silence after which whoever has said more than a greeting has said it, at least (ms). */
const breath = 1000

const asks = (text: string): boolean => /[?？؟]$/u.test(text.trim())

/** What nobody goes on after: a hello, a name, a question. */
const isGreeting = (text: string): boolean => asks(text) || canonical(text).length <= 3

const nothing = (): Heard => ({
  finals: "",
  interim: "",
  speechMs: 0,
  soundsSince: undefined,
  silentSince: undefined,
  begun: false,
  turns: 0
})

export const makeAnswering = (): Answering => {
  let on = 0
  let heard = nothing()
  const changed = Latch.makeUnsafe(false)
  const words = (): string => `${heard.finals} ${heard.interim}`.trim()
  const spokenMs = (now: number): number =>
    heard.speechMs + (heard.soundsSince === undefined ? 0 : now - heard.soundsSince)

  /** Waits until it holds, no longer than so long; gives whether it does. */
  const until = (holds: () => boolean, ms: number): Effect.Effect<boolean> =>
    Effect.gen(function*() {
      while (!holds()) {
        changed.closeUnsafe()
        yield* changed.await
      }
      return true
    }).pipe(Effect.timeoutOrElse({ duration: ms, orElse: () => Effect.succeed(false) }))

  /** Silence of this length, no later than in so long. */
  const silence = (now: () => number, ms: number, most: number): Effect.Effect<void> =>
    Effect.gen(function*() {
      for (let silent = false; !silent;) {
        yield* until(() => heard.silentSince !== undefined, most)
        const left = ms - (now() - (heard.silentSince ?? now()))
        silent = !(yield* until(() => heard.silentSince === undefined, Math.max(0, left)))
      }
    }).pipe(Effect.timeoutOption(most), Effect.asVoid)

  const find = (
    core: Core,
    { first, isMachine, longest, pause, person }: CheckedAnswering
  ): Effect.Effect<AnsweredBy> =>
    Effect.gen(function*() {
      if (!(yield* until(() => heard.begun || heard.turns > 0, first))) return { by: "nobody", text: "" }
      // A person waits for an answer after some words; a machine goes on. After a mere sound nobody may say more.
      const { now } = core.conductor
      const end = now() + longest
      const left = (): number => Math.max(0, end - now())
      yield* Effect.raceFirst(
        until(() => machineOf(words()) !== undefined || heard.turns > 0 || heard.speechMs > person, left()),
        silence(now, first, left())
      )
      const isPerson = (): boolean =>
        machineOf(words()) === undefined && spokenMs(now()) <= person && !mayBeMachine(words())
      // Who says no more than hello, or asks, waits for an answer. Others may take a breath.
      if (isPerson()) {
        if (!isGreeting(words())) yield* silence(now, Math.min(breath, pause), left())
        if (isPerson()) return { by: "person", text: words() }
      }
      // What is said to a machine before it listens is lost.
      yield* silence(now, pause, left())
      const speechMs = spokenMs(now())
      const said = words()
      const by = machineOf(said)
      if (by !== undefined) return { by, text: said }
      const machine = isMachine && (yield* guarded(
        core,
        "isMachine",
        isMachine({ text: said, speechMs }),
        { ms: core.settings.hookTimeout, late: "answer" }
      ))
      const isLong = speechMs > person && !asks(said)
      // Music, or the tone of a fax.
      if (machine === undefined && isLong && said === "") return { by: "nobody", text: "" }
      return { by: machine ?? isLong ? "voicemail" : "person", text: said }
    })
  return {
    isOn: () => on > 0,
    listen: (event) => {
      switch (event._tag) {
        case "UserStartedSpeaking":
          heard.begun = true
          heard.soundsSince = event.startedAt
          heard.silentSince = undefined
          break
        case "UserStoppedSpeaking":
          heard.speechMs += event.endedAt - event.startedAt
          heard.soundsSince = undefined
          heard.silentSince = event.endedAt
          break
        case "UserTranscript":
          if (event.final) heard.finals = `${heard.finals} ${event.text}`.trim()
          heard.interim = event.final ? "" : event.text
          break
        case "UserSpeechCommitted":
          heard.turns += 1
          break
        default:
          return
      }
      changed.openUnsafe()
    },
    by: (core, options) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          if (on++ === 0) heard = nothing()
        }),
        () =>
          Effect.flatMap(asking(core), ({ during }) =>
            during(Effect.raceFirst(
              find(core, options),
              Effect.as(core.leaving.await, { by: "nobody", text: words() } as const)
            ))),
        () => Effect.sync(() => void on--)
      )
  }
}
