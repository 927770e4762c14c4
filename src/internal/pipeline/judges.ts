/**
 * The turn detector and the overlap classifier of a session, where there are any. They are opened
 * with the session and closed with it; if one cannot be opened, the session goes on without it.
 * If one fails, the listeners are told, and the log has the cause.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Audio from "../../Audio.ts"
import { type Classifier, OverlapClassifier } from "../../OverlapClassifier.ts"
import { type Detector, TurnDetector } from "../../TurnDetector.ts"
import { kindOf, logOwn } from "../foreign.ts"
import type { Core } from "./core.ts"

export interface Named<A> {
  readonly name: string
  readonly model: A
}

export interface Judges {
  readonly turnDetector: Named<Detector> | undefined
  readonly overlapClassifier: Named<Classifier> | undefined
  /** Tells that one of them has failed: the listeners each time, the log once for each kind of error. */
  readonly failed: (message: string, cause: Cause.Cause<unknown>) => void
}

const makeFailed = (publish: Core["publish"], fork: Core["fork"]): Judges["failed"] => {
  const logged = new Set<string>()
  return (message, cause) => {
    publish({ _tag: "Warning", component: "detector", message })
    const about = `${message}: ${kindOf(Cause.squash(cause))}`
    if (logged.has(about)) return
    logged.add(about)
    fork(logOwn(`${message}, for this reason`, cause))
  }
}

type Openable<A> = { readonly name: string; readonly open: Effect.Effect<A, unknown, Scope.Scope> } | undefined

const openOne = <A>(
  what: string,
  judge: Openable<A>,
  failed: Judges["failed"],
  publish: Core["publish"],
  timeout: number
): Effect.Effect<Named<A> | undefined, never, Scope.Scope> => {
  if (judge === undefined) return Effect.undefined
  const { name, open } = judge
  const without = (why: string) =>
    Effect.sync(() => {
      publish({ _tag: "Warning", component: "detector", message: `the ${what} ${why}` })
      return undefined
    })
  return Effect.suspend(() => open).pipe(
    Effect.flatMap((model) =>
      model === undefined ? without("could not be opened") : Effect.succeed<Named<A> | undefined>({ name, model })
    ),
    Effect.timeoutOrElse({ duration: timeout, orElse: () => without("was not opened in time") }),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      return Effect.sync(() => {
        failed(`the ${what} could not be opened`, cause)
        return undefined
      })
    })
  )
}

export const openJudges = (
  publish: Core["publish"],
  fork: Core["fork"],
  /** Longest time for each (ms). */
  timeout: number
): Effect.Effect<Judges, never, Scope.Scope> =>
  Effect.gen(function*() {
    const failed = makeFailed(publish, fork)
    const turnDetector = yield* openOne("turn detector", yield* TurnDetector, failed, publish, timeout)
    const overlapClassifier = yield* openOne("overlap classifier", yield* OverlapClassifier, failed, publish, timeout)
    return { turnDetector, overlapClassifier, failed }
  })

/** How a session's beginning names them. */
export const namesOf = ({ overlapClassifier, turnDetector }: Judges) => ({
  ...(turnDetector === undefined ? {} : { turnDetector: turnDetector.name }),
  ...(overlapClassifier === undefined ? {} : { overlapClassifier: overlapClassifier.name })
})

const isSpeech = ({ channels, sampleRate }: Audio.Frame): boolean =>
  channels === Audio.speech.channels && sampleRate === Audio.speech.sampleRate

/** Gives the turn detector the audio that it wants. One that breaks on it hears no more, and that is told. */
export const listenerOf = (
  { failed, turnDetector }: Judges
): ((frames: ReadonlyArray<Audio.Frame>) => void) | undefined => {
  const push = turnDetector?.model.push
  if (push === undefined) return undefined
  const converter = Audio.converter({ from: Audio.speech, to: Audio.speech })
  let broken = false
  return (frames) => {
    if (broken) return
    try {
      push(frames.every(isSpeech) ? frames : converter.push(frames))
    } catch (defect) {
      broken = true
      failed("the turn detector broke on the audio, and hears no more", Cause.die(defect))
    }
  }
}
