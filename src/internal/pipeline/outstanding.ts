/**
 * Results that the caller still has to hear: they came after their reply, or that reply was not
 * heard. Only this file writes them.
 *
 * The turn-taking says when it is nobody's turn: then one reply tells all that there are, unless
 * the caller speaks first, and the reply to that tells them. A reply that is cut short leaves them
 * untold. Results that are left at the end of the session go to the agent's `onOrphanedResult`.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { SayOptions, Speech as SpeechHandle } from "../../Session.ts"
import type * as Tools from "../../Tools.ts"
import * as Turn from "../../Turn.ts"
import * as Telling from "../tools/outstanding.ts"
import type { Running } from "./calls.ts"
import { type Core, signal } from "./core.ts"
import { guarded } from "./failures.ts"
import type { Checked } from "./options.ts"
import type { Speech, Steps } from "./speech.ts"
import { want } from "./wishes.ts"

export interface Result extends Telling.Untold {
  readonly output: Tools.Output
  /** The speech that waited for it. */
  readonly waitedFor: string | undefined
  /** The place of the agent that asked for it: while that waits, nobody else tells it. */
  readonly place: object
  /** What is left of the steps of the turn that asked for it. */
  readonly steps: Steps
}

interface Held extends Result {
  /** Its reply did not tell it. */
  late: boolean
  /** How often it was begun to be told, and cut short. */
  attempts: number
}

export interface Outstanding {
  readonly options: Checked["results"]
  readonly all: () => ReadonlyArray<Held>
  readonly add: (result: Result) => void
  readonly remove: (result: Held) => void
  /** Nothing is to be said of what comes of this call. */
  readonly excuse: (call: string) => void
  /** The user waits for what comes of this call. */
  readonly hurry: (call: string) => void
  /** A reply of its own, if there may be one more. */
  readonly takeReply: () => boolean
  readonly isExhausted: () => boolean
  /** A reply that was to tell has failed. */
  readonly failed: () => void
  /** The model answers. */
  readonly recovered: () => void
  /** How many replies in a row that were to tell have failed. */
  readonly failures: () => number
  /** The agent is about to say goodbye: nothing else is begun. `true` the first time. */
  readonly leave: () => boolean
  readonly isLeaving: () => boolean
  /** An agent to whom the call was handed over begins. */
  readonly enters: () => void
  /** Whether its first words are asked for; `true` once. */
  readonly takeFirstWords: () => boolean
  /** Open whenever something has changed. */
  readonly changed: Latch.Latch
  /** Open once the goodbye is said, whatever runs: no reply waits any longer. */
  readonly left: Latch.Latch
}

// A model that fails so often in a row is asked by who waits for an answer, and not for what nobody waits for.
const mostFailures = 2

export const makeOutstanding = (options: Checked["results"]): Outstanding => {
  const held = new Map<string, Held>()
  const excused = new Set<string>()
  const hurried = new Set<string>()
  const changed = Latch.makeUnsafe(false)
  let replies = 0
  let failures = 0
  let leaving = false
  let entering = false
  return {
    options,
    all: () => [...held.values()],
    add: (result) => {
      const awaited = hurried.delete(result.id)
      if (!excused.delete(result.id)) held.set(result.id, { ...result, awaited, late: false, attempts: 0 })
    },
    remove: ({ id }) => void held.delete(id),
    excuse: (call) => void excused.add(call),
    hurry: (call) => void hurried.add(call),
    takeReply: () => replies < options.maxReplies && ++replies > 0,
    isExhausted: () => replies >= options.maxReplies,
    failed: () => {
      failures += 1
    },
    recovered: () => {
      failures = 0
    },
    failures: () => failures,
    leave: () => leaving !== (leaving = true),
    isLeaving: () => leaving,
    enters: () => {
      entering = true
    },
    takeFirstWords: () => entering !== (entering = false),
    changed,
    left: Latch.makeUnsafe(false)
  }
}

/** Whether an agent that begins by itself has the call, and not the one of that place: what was begun there says nothing more. */
export const isReplaced = (core: Core, place: object): boolean =>
  core.agent.place() !== place && core.agent.bound().onEnter !== undefined

/**
 * Whether a speech that is being made is to tell it: the reply that waited for it, or one that knows of it and does not
 * wait for other tools itself. One whose tool waits for the end of the session tells nothing more than it says already.
 */
const isInHand = (core: Core, { id, place, waitedFor }: Held, last: boolean): boolean =>
  core.speeches.all().some(({ acting, attending, authorized, finished, id: speech, lines, shows, tells }) =>
    !finished && authorized.isOpen() && (
      (tells.has(id) && lines > 0) ||
      (!attending.isOpen() &&
        (speech === waitedFor ? !(acting && (last || isReplaced(core, place))) : shows.has(id) && !acting))
    )
  )

/** Those of which the present agent may tell: before the goodbye, all. */
const tellable = (core: Core, last: boolean): ReadonlyArray<Held> =>
  core.outstanding.all().filter(({ place }) => last || !core.agent.waits(place))

const lateOnes = (core: Core, last = false): ReadonlyArray<Held> =>
  tellable(core, last).filter((one) => !isInHand(core, one, last))

/** Tells the turn-taking whether there is anything to tell, and how soon. */
export const owe = (core: Core): void => {
  const { failures, isExhausted, isLeaving, options } = core.outstanding
  const late = lateOnes(core)
  for (const one of late) one.late = true
  const waits = isExhausted() || isLeaving() || failures() >= mostFailures
  const soon = waits ? undefined : Telling.calmFor(late, options)
  const calm = soon === undefined ? undefined : soon * 2 ** failures()
  core.outstanding.changed.openUnsafe()
  if (calm === undefined && !Turn.isUntold(core.conductor.state())) return
  signal(core, { _tag: "Untold", calm, awaited: Telling.isAwaited(late) })
}

const settled = (core: Core, one: Held, fate: "told" | "superseded" | "orphaned", speech?: string): void => {
  core.outstanding.remove(one)
  if (!one.late) return
  const { id, name } = one
  core.publish({ _tag: "ResultSettled", id, name, fate, ...(speech === undefined ? {} : { speech }) })
}

/** What a reply that is asked for now has to tell: it is shown all results. */
export const toTell = (core: Core, speech: Speech): string | undefined => {
  const { isLeaving, options } = core.outstanding
  const untold = tellable(core, isLeaving())
  for (const { id } of untold) speech.shows.add(id)
  const now = core.conductor.now()
  if (speech.announces) return untold.length === 0 ? undefined : Telling.announcement(untold, now, options.remindAfter)
  const late = untold.filter((one) => one.late && one.waitedFor !== speech.id)
  return late.length === 0 ? undefined : Telling.reminder(late, now, options.remindAfter)
}

// Whoever interrupts twice what they are told does not want to know.
const mostAttempts = 2

const unheard: ReadonlySet<Speech["reason"]> = new Set(["empty", "blank", "length", "content-filter", "steps"])

/** Whether the model was asked for nothing else, and has nothing to say that could be heard: it is not asked again. */
const isMute = ({ announces, id, outcome, reason, shows }: Speech, one: Held): boolean =>
  outcome === "failed" && unheard.has(reason) && shows.has(one.id) && (announces || one.waitedFor === id)

/** A speech is over: what it has told is told. */
export const told = (core: Core, speech: Speech): void => {
  const { announces, outcome, reason, source } = speech
  if (source !== "say" && outcome === "completed") core.outstanding.recovered()
  if (announces && outcome === "failed" && !unheard.has(reason)) {
    core.outstanding.failed()
    if (core.outstanding.failures() === mostFailures) {
      const message =
        "late results cannot be told: the replies that were to tell them have failed; they wait for the caller"
      core.publish({ _tag: "Warning", component: "llm", message })
    }
  }
  for (const one of core.outstanding.all()) {
    if (isMute(speech, one)) settled(core, one, "superseded", speech.id)
    if (!speech.tells.has(one.id)) continue
    if (speech.outcome === "completed") settled(core, one, "told", speech.id)
    else if (speech.outcome === "interrupted" && speech.playedMs > 0 && ++one.attempts >= mostAttempts) {
      settled(core, one, "superseded", speech.id)
    }
  }
  owe(core)
}

/** A speech was heard as far as it was written, and its tools still run: what it has told is told, whatever becomes of it. */
export const heardSoFar = (core: Core, { id, outcome, tells, thought }: Speech): void => {
  if (thought || outcome !== "completed") return
  const heard = core.outstanding.all().filter((one) => tells.has(one.id))
  for (const one of heard) settled(core, one, "told", id)
  if (heard.length > 0) owe(core)
}

/** Puts a reply in line that tells what has come; the last one calls no tools. */
export const announce = (core: Core, last = false, options?: Pick<SayOptions, "when">): SpeechHandle | undefined => {
  const { outstanding } = core
  const late = lateOnes(core, last)
  if (late.length === 0 || !outstanding.takeReply()) return undefined
  if (outstanding.isExhausted()) {
    const message = "the session has told as many late results as it may: others wait until the caller speaks"
    core.publish({ _tag: "Warning", component: "llm", message })
  }
  const steps = last
    ? { left: 0 }
    : late.reduce((least, one) => one.steps.left < least.left ? one.steps : least, late[0]!.steps)
  return want(core, { source: "reply", steps, announces: true, options })
}

/** A speech is asked for: what an earlier agent has left untold goes before the first words of the next one, or is told within. */
export const beforeFirstWords = (core: Core, source: "say" | "reply", { when }: Pick<SayOptions, "when">): void => {
  if (core.outstanding.takeFirstWords() && source === "say") announce(core, false, { when })
}

/** Whether anything runs whose result is to be told; `call` is the one that asks. */
const isRunning = (core: Core, call: string | undefined): boolean =>
  core.calls.running().some(([id, { asks, voice }]) => id !== call && !asks && voice.result === "reply")

// Replies that tell what has come, before the goodbye.
const mostLast = 3

/** A call that ends within this time (ms) needs no word that the caller has to wait. */
const waitedSilently = 300

const until = (changed: Latch.Latch, isOver: () => boolean): Effect.Effect<void> =>
  Effect.gen(function*() {
    while (!isOver()) {
      changed.closeUnsafe()
      yield* changed.await
    }
  })

/** Waits for those calls of a step of whose results the caller is told, no longer than for a goodbye. */
export const awaitResults = (core: Core, ids: ReadonlyArray<string>): Effect.Effect<void> => {
  const { changed, options } = core.outstanding
  const isAwaited = (id: string, { asks, over, voice }: Running): boolean =>
    ids.includes(id) && !asks && !over.isOpen() && voice.result === "reply"
  return Effect.asVoid(Effect.timeoutOption(
    until(changed, () => !core.calls.running().some(([id, call]) => isAwaited(id, call))),
    options.goodbyeWait
  ))
}

/** Before our own goodbye: calls that run have some time, audibly, and what has come of them is told. */
export const beforeGoodbye = (
  core: Core,
  call: string | undefined,
  say: (text: string) => void
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { all, changed, options } = core.outstanding
    const owed = () =>
      Turn.status(core.conductor.state()) === "open" &&
      (isRunning(core, call) || all().some((one) => isInHand(core, one, true)))
    if (owed() && options.goodbyeWait > 0) {
      const { goodbyeSay } = options
      const patience = Effect.gen(function*() {
        if (goodbyeSay !== false && goodbyeSay !== undefined && isRunning(core, call)) {
          yield* Effect.timeoutOption(until(changed, () => !isRunning(core, call)), waitedSilently)
          if (isRunning(core, call)) say(goodbyeSay)
        }
        yield* until(changed, () => !owed())
      })
      yield* Effect.timeoutOption(patience, options.goodbyeWait)
    }
    // What comes while this is told, or was left to a reply that did not tell it, is told before the goodbye, too.
    for (let more = mostLast; more > 0; more -= 1) {
      const telling = announce(core, true)
      core.outstanding.left.openUnsafe()
      const inHand = () => all().some((one) => isInHand(core, one, true))
      if (telling !== undefined) yield* Effect.ignore(telling.heard)
      else if (inHand()) yield* Effect.timeoutOption(until(changed, () => !inHand()), options.goodbyeWait)
      else return
    }
  })

/** Whether a goodbye would leave something untold. */
export const isOwed = (core: Core, call: string | undefined): boolean =>
  core.outstanding.all().length > 0 || isRunning(core, call)

/** The session is over: what nobody was told goes to whoever can do something about it. */
export const orphan = (core: Core, timeout: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const hook = core.agent.bound().onOrphanedResult
    const left = core.outstanding.all()
    for (const one of left) {
      one.late = true
      settled(core, one, "orphaned")
    }
    return hook === undefined ? Effect.void : Effect.forEach(
      left,
      ({ output }) => guarded(core, "onOrphanedResult", hook(output), { ms: timeout, late: "end" }),
      { concurrency: "unbounded", discard: true }
    )
  })
