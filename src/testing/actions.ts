/** What the users of a scenario do. */
import * as Check from "../internal/options.ts"
import type { CallStatus, LeaveReason } from "../Room.ts"
import type { Hearing } from "./marks.ts"

/**
 * Something that the user does in a scenario. Times are Clock times (ms).
 *
 * @category models
 * @since 0.1.0
 */
export type UserAction =
  & {
    /** Identity of who does it. @default the caller */
    readonly by?: string | undefined
  }
  & (
    | {
      readonly _tag: "Say"
      readonly at: number
      readonly to: number
      readonly text: string
      readonly hearing?: Hearing | undefined
      readonly intent?: Intent | undefined
    }
    | { readonly _tag: "Type"; readonly at: number; readonly text: string }
    | { readonly _tag: "Press"; readonly at: number; readonly digits: string }
    | { readonly _tag: "Mute"; readonly at: number }
    | { readonly _tag: "Unmute"; readonly at: number }
    | { readonly _tag: "Join"; readonly at: number }
    | { readonly _tag: "CallStatus"; readonly at: number; readonly status: CallStatus }
    | { readonly _tag: "Leave"; readonly at: number; readonly reason?: LeaveReason | undefined }
  )

/**
 * What the user wants with an utterance: to show that they listen, to answer
 * what was asked, to ask, to take the floor, to have a moment of silence; a
 * noise is not meant at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Intent = "continuer" | "answer" | "question" | "cutIn" | "hold" | "noise"

/**
 * How an utterance is meant and heard.
 *
 * @category options
 * @since 0.1.0
 */
export interface Saying extends Hearing {
  /** What the user wants with it; `invariants` holds the agent to it (I12). @default not known */
  readonly intent?: Intent | undefined
}

/**
 * The user speaks from one moment to another, in ms. A scenario refuses a
 * speech that ends before it begins.
 *
 * @category scenario
 * @since 0.1.0
 */
export const say = (from: number, to: number, text: string, saying: Saying = {}): UserAction => {
  const { intent, ...hearing } = saying
  return { _tag: "Say", at: from, to, text, hearing, ...(intent === undefined ? {} : { intent }) }
}

/**
 * The user makes a noise that holds no words.
 *
 * @category scenario
 * @since 0.1.0
 */
export const cough = (from: number, to: number): UserAction => say(from, to, "", { intent: "noise" })

/**
 * The user types.
 *
 * @category scenario
 * @since 0.1.0
 */
export const type = (at: number, text: string): UserAction => ({ _tag: "Type", at, text })

/**
 * The user presses keys of a telephone.
 *
 * @category scenario
 * @since 0.1.0
 */
export const press = (at: number, digits: string): UserAction => ({ _tag: "Press", at, digits })

/**
 * The user's microphone gives nothing from one moment on.
 *
 * @category scenario
 * @since 0.1.0
 */
export const mute = (at: number): UserAction => ({ _tag: "Mute", at })

/**
 * The user's microphone is open again.
 *
 * @category scenario
 * @since 0.1.0
 */
export const unmute = (at: number): UserAction => ({ _tag: "Unmute", at })

/**
 * The user joins, where the room has been opened without them (`joins: false`).
 *
 * @category scenario
 * @since 0.1.0
 */
export const join = (at: number): UserAction => ({ _tag: "Join", at })

/**
 * The user's telephone tells how far the call is. The agent enters with `answered`. Who does not take a call that the agent's side
 * has made (`unanswered`, `busy`, `refused`, `failed`) leaves with that, and so does who hangs up
 * (`ended`).
 *
 * **Example** (A line that is busy)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import * as Testing from "effect-voice/testing"
 *
 * const timeline = Testing.scenario({
 *   agent: Agent.make({ instructions: "You remind guests of their bookings." }),
 *   room: { kind: "sip", direction: "outbound", call: "ringing" },
 *   user: [Testing.callStatus(4000, "busy")]
 * })
 * ```
 *
 * @category scenario
 * @since 0.1.0
 */
export const callStatus = (at: number, status: CallStatus): UserAction => {
  Check.readOrThrow(telling, { status })
  return { _tag: "CallStatus", at, status }
}

const telling = Check.struct<{ readonly status: CallStatus }>()({
  status: Check.required(
    Check.oneOf(["dialing", "ringing", "answered", "ended", "busy", "refused", "unanswered", "failed"])
  )
})

/**
 * The user leaves the room; without a reason they have said goodbye (`left`).
 *
 * @category scenario
 * @since 0.1.0
 */
export const leave = (at: number, reason?: LeaveReason): UserAction => ({
  _tag: "Leave",
  at,
  ...(reason === undefined ? {} : { reason })
})

/**
 * Somebody else does it. They join with the first thing that they do, unless
 * that is to join.
 *
 * **Example** (Two callers)
 *
 * ```ts
 * import * as Testing from "effect-voice/testing"
 *
 * const user = [
 *   Testing.say(500, 1500, "Hello?"),
 *   Testing.by("bob", Testing.join(2000)),
 *   Testing.by("bob", Testing.say(3000, 4000, "I am here, too."))
 * ]
 * ```
 *
 * @category scenario
 * @since 0.1.0
 */
export const by = (identity: string, action: UserAction): UserAction => ({ ...action, by: identity })
