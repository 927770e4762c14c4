/** What others may know of a state, so that its shape is nobody else's business. */
import type * as Event from "../../Event.ts"
import { find, playing } from "./draft.ts"
import * as Ducking from "./ducking.ts"
import * as Ending from "./ending.ts"
import * as Floor from "./floor.ts"
import * as Interruption from "./interruption.ts"
import type { State } from "./model.ts"
import * as Repeated from "./repeated.ts"
import type { Settings } from "./settings.ts"
import type { Signal } from "./signal.ts"

/**
 * How far the session is: nobody there yet, in full swing, saying its last words,
 * or over.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = "starting" | "open" | "draining" | "closed"

/**
 * How far the session is.
 *
 * @category getters
 * @since 0.1.0
 */
export const status = (s: State): Status => {
  switch (s.session.status._tag) {
    case "Starting":
      return "starting"
    case "Open":
      return "open"
    case "Draining":
      return "draining"
    case "Closed":
      return "closed"
  }
}

/**
 * Why the session ends; `undefined` while it does not.
 *
 * @category getters
 * @since 0.1.0
 */
export const closeReason = (s: State): Event.CloseReason | undefined => Ending.reasonOf(s)

/**
 * What the session shows of itself: both sides as the last events told them, and
 * the number of the open turn (the first is 1).
 *
 * @category getters
 * @since 0.1.0
 */
export const overview = (s: State): {
  readonly agent: Event.AgentState
  readonly user: Event.UserState
  readonly status: Status
  readonly turn: number
} => ({ agent: s.agent.state, user: s.user.state, status: status(s), turn: s.user.turn })

/**
 * The settings that hold now.
 *
 * @category getters
 * @since 0.1.0
 */
export const settings = (s: State): Settings => s.session.settings

/**
 * Whether words were heard of which the final transcript is still to come.
 *
 * @category getters
 * @since 0.1.0
 */
export const awaitsFinal = (s: State): boolean => s.user.words.interim !== ""

/**
 * Up to when (ms of the Clock) the audio of the voice that sounds must come for
 * it to have lasted long enough to lower or pause the agent; `undefined` if that
 * is no matter.
 *
 * @category getters
 * @since 0.1.0
 */
export const awaitsVoiceTo = (s: State): number | undefined => {
  const pauses = Interruption.awaitsVoiceTo(s)
  const lowers = Ducking.awaitsVoiceTo(s)
  return pauses === undefined || lowers === undefined ? pauses ?? lowers : Math.min(pauses, lowers)
}

/**
 * The speech that is made in the hope that the open turn ends as it stands;
 * `undefined` if there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const guess = (s: State): string | undefined => s.agent.guess?.speech

/**
 * Whether a speech has the floor and is paused.
 *
 * @category getters
 * @since 0.1.0
 */
export const isPaused = (s: State, speech: string): boolean => s.agent.pause?.speech === speech

/**
 * Whether an unforced `Interrupt` must fail: the speech, or without one the first
 * that is not over, is protected.
 *
 * @category getters
 * @since 0.1.0
 */
export const isProtected = (s: State, speech?: string): boolean => {
  const target = speech === undefined
    ? s.agent.speeches.find(({ phase }) => phase !== "stopping")
    : find(s, speech)
  return target?.protected === true
}

/**
 * Whether something is to be told as soon as it is nobody's turn.
 *
 * @category getters
 * @since 0.1.0
 */
export const isUntold = (s: State): boolean => s.agent.untold !== undefined

/**
 * Whether a speech cannot be heard before the hook of the committed turn has
 * answered.
 *
 * @category getters
 * @since 0.1.0
 */
export const waitsForReply = (s: State, speech: string): boolean => Floor.waitsForReply(s, speech)

/**
 * What the program has the agent say before a speech: the ids, in their order.
 *
 * @category getters
 * @since 0.1.0
 */
export const saidBefore = (s: State, speech: string): ReadonlyArray<string> => {
  const at = s.agent.speeches.findIndex(({ id }) => id === speech)
  return s.agent.speeches.slice(0, at === -1 ? undefined : at)
    .filter(({ passing, phase, source }) => source === "say" && !passing && phase !== "stopping")
    .map(({ id }) => id)
}

/**
 * Whether the user speaks, or waits for the reply to a turn: what is said now is
 * about something else.
 *
 * @category getters
 * @since 0.1.0
 */
export const isUsersTurn = (s: State): boolean => !Floor.settled(s)

/**
 * Whether the agent has spoken since a time (ms of the Clock), or will without
 * being asked: nobody waits for it in vain. What fills a silence does not count,
 * nor does the speech `but`, which is over and may not have been taken away yet.
 *
 * @category getters
 * @since 0.1.0
 */
export const spokeSince = (s: State, since: number, but?: string): boolean =>
  s.agent.spokeAt >= since ||
  s.agent.speeches.some(({ id, passing, phase }) => !passing && phase !== "stopping" && id !== but)

/**
 * Whether the recogniser says again what it has said for good: that is heard as a transcript without words.
 *
 * @category getters
 * @since 0.1.0
 */
export const isRepeated = (s: State, now: number, heard: Extract<Signal, { readonly _tag: "Heard" }>): boolean =>
  Repeated.isRepeated(s, now, heard)

/**
 * Whether the user waits in silence for something that is to come.
 *
 * @category getters
 * @since 0.1.0
 */
export const isOwed = (s: State): boolean => s.agent.owedSince !== undefined

/**
 * For how long (ms) a speech that has the floor has had nothing to play; 0 where
 * it is audible, or paused, `undefined` where it has no floor.
 *
 * @category getters
 * @since 0.1.0
 */
export const starvedFor = (s: State, speech: string, now: number): number | undefined => {
  const floor = playing(s)
  if (floor?.id !== speech) return undefined
  return floor.starvedAt === undefined ? 0 : now - floor.starvedAt
}

/**
 * How often a component has failed since it last worked.
 *
 * @category getters
 * @since 0.1.0
 */
export const failuresInARow = (s: State, component: Event.Component): number =>
  s.session.failures.inARow[component] ?? 0
