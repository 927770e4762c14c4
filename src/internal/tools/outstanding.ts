/**
 * Results that the caller has not been told: which of them are to be told, how soon, and in what words the model is asked
 * to. Pure: the pipeline's `outstanding` owns them, and carries this out.
 */
import type { Output } from "../../Tools.ts"
import type { Voice } from "./voice.ts"

/** Whether anything is to be said of a result. A failure always is; of a call that was never run the model knows all. */
export const isToBeTold = (voice: Voice, output: Output, worked: boolean): boolean =>
  worked && (output.isFailure || voice.result === "reply")

export interface Untold {
  readonly id: string
  readonly name: string
  readonly failed: boolean
  /** The user waits for it: it is told at once. */
  readonly awaited: boolean
  /** When the call was made (ms). */
  readonly startedAt: number
}

export interface Calm {
  readonly calm: number
  readonly failureCalm: number
}

/** How long nobody may have spoken before something is said of these (ms); `undefined` where there is nothing to say. */
export const calmFor = (untold: ReadonlyArray<Untold>, { calm, failureCalm }: Calm): number | undefined =>
  untold.length === 0 ? undefined : untold.some(({ failed }) => failed) ? Math.min(calm, failureCalm) : calm

const list = (ids: ReadonlyArray<{ readonly id: string; readonly name: string }>): string =>
  ids.map(({ id, name }) => `${name} (${id})`).join(", ")

const subject = (untold: ReadonlyArray<Untold>, now: number, remindAfter: number): string => {
  const oldest = Math.min(...untold.map(({ startedAt }) => startedAt))
  return now - oldest < remindAfter
    ? ""
    : ` It was asked for ${Math.round((now - oldest) / 1000)} seconds ago: begin with what it is about.`
}

/** Whether the user waits for one of them. */
export const isAwaited = (untold: ReadonlyArray<Untold>): boolean => untold.some(({ awaited }) => awaited)

/** What the model is told where it is asked to tell what has come. */
export const announcement = (untold: ReadonlyArray<Untold>, now: number, remindAfter: number): string =>
  `What was running has ended, and the caller has not been told: ${list(untold)}. ` +
  `Tell the caller now what came of it, briefly.${subject(untold, now, remindAfter)}`

/** What the model is told where it is to answer something else, too. */
export const reminder = (untold: ReadonlyArray<Untold>, now: number, remindAfter: number): string =>
  `What was running has ended, and the caller has not been told: ${list(untold)}. ` +
  `Tell the caller within this reply what came of it.${subject(untold, now, remindAfter)}`

export interface Running {
  readonly id: string
  readonly name: string
  readonly startedAt: number
  /** The newest of what it gave before its result. */
  readonly progress: unknown
}

/** What runs, and for how long: it changes all the time, so that it stands at the tail of a prompt. */
export const whatRuns = (running: ReadonlyArray<Running>, now: number): string =>
  `Running now, without a result yet: ${
    running.map(({ id, name, progress, startedAt }) => {
      const seconds = `${name} (${id}) for ${Math.round((now - startedAt) / 1000)} seconds`
      return progress === undefined ? seconds : `${seconds}, so far ${JSON.stringify(progress)}`
    }).join("; ")
  }.`
