/**
 * The order in which speeches wait for the floor, and how long: where a new one
 * goes, what a new turn makes of those that were asked for before it, and what
 * comes too late.
 */
import { type Draft, interruptible, playing } from "./draft.ts"
import type { Speech, State, When } from "./model.ts"

export interface Wish {
  readonly id: string
  readonly source: Speech["source"]
  readonly protected: boolean
  readonly when?: When | undefined
  /** How long it is worth anything (ms). */
  readonly expiresMs?: number | undefined
  readonly passing?: boolean | undefined
  /** The reply that asks for it by a tool, and has something to say before. */
  readonly behind?: string | undefined
  /** Its audio is at hand. */
  readonly clip?: boolean | undefined
  readonly phase: "queued" | "working"
}

export const make = (d: Draft, wish: Wish): Speech => {
  const { expiresMs = Number.POSITIVE_INFINITY, id, passing = false, phase, source, when = "idle" } = wish
  const cutsIn = when === "now"
  return {
    id,
    source,
    phase,
    when,
    passing,
    protected: wish.protected || cutsIn,
    shield: cutsIn && !wish.protected ? { until: undefined } : undefined,
    askedAt: d.now,
    expiresAt: expiresMs === Number.POSITIVE_INFINITY ? undefined : d.now + expiresMs,
    begun: false,
    overtaken: false
  }
}

/** Waits for its place, or for its audio. */
const waits = ({ phase }: Speech): boolean => phase !== "stopping" && phase !== "playing"

/** Belongs to the turn that is open or waits for its reply: it is said before that. */
const goesBefore = (speech: Speech): boolean =>
  speech.protected || (speech.when === "withReply" && !speech.overtaken && !speech.passing)

/** A reply goes behind what is said before it, and before the rest; what cuts in goes first of all. */
export const insert = (
  speeches: ReadonlyArray<Speech>,
  speech: Speech,
  behind?: string | undefined
): ReadonlyArray<Speech> => {
  const inFront = (before: (other: Speech) => boolean, from = 0): ReadonlyArray<Speech> => {
    const at = speeches.findIndex((other, i) => i >= from && waits(other) && !before(other))
    return at === -1 ? [...speeches, speech] : speeches.toSpliced(at, 0, speech)
  }
  if (speech.when === "now") return inFront((other) => other.when === "now")
  if (speech.source !== "turn" && speech.when !== "withReply") return [...speeches, speech]
  return inFront(goesBefore, speeches.findIndex(({ id }) => id === behind) + 1)
}

/** A reply has said what it had, and goes on later: what is said before the rest of it goes in front. */
export const letPass = (speeches: ReadonlyArray<Speech>, id: string): ReadonlyArray<Speech> => {
  const reply = speeches.findIndex((speech) => speech.id === id)
  const rest = speeches.slice(reply + 1)
  const passes = (speech: Speech): boolean => answers(speech) && !speech.passing && waits(speech)
  return reply === -1 || !rest.some(passes)
    ? speeches
    : [...speeches.slice(0, reply), ...rest.filter(passes), speeches[reply]!, ...rest.filter((one) => !passes(one))]
}

/** Whether it is said for the turn that waits for its reply. */
export const answers = (speech: Speech | undefined): boolean =>
  speech !== undefined && speech.when === "withReply" && !speech.overtaken

/** A reply that was made without them would not know what was said before it. */
export const announces = (s: State): boolean =>
  s.agent.speeches.some((speech) => answers(speech) && !speech.passing && speech.phase !== "stopping")

/** Whether a turn that began at `startedAt`, with its newest voice at `newestAt`, leaves a speech behind. */
const outlives = (s: State, speech: Speech, startedAt: number, newestAt: number): boolean => {
  if (speech.source === "turn" || speech.passing || speech.askedAt < startedAt) return false
  // What plays must be said to all that the user has said, and is over where they talk over it.
  return speech.phase !== "playing" || (newestAt <= speech.askedAt && s.agent.pause?.speech !== speech.id)
}

/** A turn was committed: what was asked for before it began, or was talked over, is no answer to it. */
export const overtake = (d: Draft, startedAt: number, newestAt: number): void => {
  d.agent.speeches = d.agent.speeches.map((speech) =>
    outlives(d, speech, startedAt, newestAt) ? speech : { ...speech, overtaken: true }
  )
}

/** Nobody replies to the turn: what it would have ended goes on. */
export const spare = (d: Draft): void => {
  d.agent.speeches = d.agent.speeches.map((speech) => ({ ...speech, overtaken: false }))
}

/** The speeches that a committed turn ends once it is accepted, as far as the first that is protected. */
export const overtaken = (s: State): ReadonlyArray<Speech> => {
  const gone: Array<Speech> = []
  const floor = playing(s)
  if (floor === undefined || interruptible(s, floor)) {
    for (const speech of s.agent.speeches) {
      if (speech.phase === "stopping") continue
      if (!interruptible(s, speech)) break
      if (speech.overtaken) gone.push(speech)
    }
  }
  return [...gone, ...s.agent.speeches.filter((speech) => speech.source === "turn" && speech.phase !== "playing")]
}

const earliest = (times: ReadonlyArray<number | undefined>): number | undefined => {
  const least = Math.min(...times.map((time) => time ?? Infinity))
  return least === Infinity ? undefined : least
}

/** When the protection of what has cut in ends. */
export const shieldEndsAt = (s: State): number | undefined =>
  earliest(s.agent.speeches.map(({ shield }) => shield?.until))

export const lowerShields = (d: Draft): void => {
  d.agent.speeches = d.agent.speeches.map((speech) =>
    (speech.shield?.until ?? Infinity) <= d.now ? { ...speech, protected: false, shield: undefined } : speech
  )
}

/** When the next one is worth nothing any more. */
export const expiryOf = ({ begun, expiresAt, phase }: Speech): number | undefined =>
  begun || phase === "stopping" ? undefined : expiresAt

export const expiresAt = (s: State): number | undefined => earliest(s.agent.speeches.map(expiryOf))
