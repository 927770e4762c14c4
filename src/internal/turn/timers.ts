/** What is due, and what happens then. A timer is a time in the state: it cannot be left running. */
import { type Draft, publish } from "./draft.ts"
import * as Ducking from "./ducking.ts"
import * as EndOfTurn from "./endOfTurn.ts"
import * as Filler from "./filler.ts"
import * as Floor from "./floor.ts"
import * as Hold from "./hold.ts"
import * as Interruption from "./interruption.ts"
import * as LastWords from "./lastWords.ts"
import type { State } from "./model.ts"
import * as Overlap from "./overlap.ts"
import * as Pause from "./pause.ts"
import * as Presence from "./presence.ts"
import * as Queue from "./queue.ts"
import * as Signs from "./signs.ts"
import * as Silence from "./silence.ts"
import * as Telling from "./telling.ts"
import * as Verdicts from "./verdicts.ts"
import * as Wordless from "./wordless.ts"
import * as Words from "./words.ts"

interface Timer {
  readonly at: (s: State) => number | undefined
  readonly ring: (d: Draft) => void
}

/** Whatever step comes at that time sees to it. */
const inAnyStep = (): void => {}

/** In the order of their weight: on a tie the commit goes first. */
const timers: ReadonlyArray<Timer> = [
  { at: EndOfTurn.decideAt, ring: EndOfTurn.decide },
  { at: Verdicts.finalizeAt, ring: Verdicts.finalize },
  { at: Verdicts.askAt, ring: Verdicts.ask },
  { at: (s) => s.user.manualUntil, ring: (d) => EndOfTurn.commit(d, "manual") },
  { at: Queue.shieldEndsAt, ring: Queue.lowerShields },
  { at: Queue.expiresAt, ring: Floor.expire },
  { at: Interruption.byVoiceAt, ring: Overlap.byVoice },
  { at: Wordless.at, ring: Wordless.ring },
  { at: Ducking.duckAt, ring: Ducking.byVoice },
  { at: Ducking.restoreAt, ring: Ducking.restore },
  { at: Silence.starvedTooLongAt, ring: Silence.starvedTooLong },
  { at: Signs.dueAt, ring: Signs.due },
  { at: (s) => s.user.waitsUntil, ring: Hold.end },
  {
    at: (s) => Floor.settledForPause(s) ? s.agent.pause?.until : undefined,
    ring: (d) => {
      if (!Words.takeOverdue(d)) Pause.resume(d)
    }
  },
  {
    at: (s) => Floor.settled(s) ? s.agent.holdUntil : undefined,
    ring: (d) => {
      d.agent.holdUntil = undefined
    }
  },
  { at: Presence.awayAt, ring: Presence.away },
  { at: Telling.tellAt, ring: Telling.tell },
  { at: Filler.fillAt, ring: Filler.fill },
  { at: Silence.breathEndsAt, ring: inAnyStep },
  { at: LastWords.due, ring: inAnyStep }
]

/** When the next one is due (ms of the Clock), if ever. */
export const deadline = (s: State): number | undefined => {
  const { status } = s.session
  if (status._tag === "Closed" || status._tag === "Starting") return undefined
  let due = s.user.words.expectedAt ?? Infinity
  for (const { at } of timers) due = Math.min(due, at(s) ?? Infinity)
  return due === Infinity ? undefined : due
}

/** Rings all that are due. */
export const tick = (d: Draft): void => {
  // Told last, and even if these words become a turn in this very tick.
  const { words } = d.user
  for (const { at, ring } of timers) {
    if ((at(d) ?? Infinity) <= d.now) ring(d)
  }
  if (words.expectedAt === undefined || words.expectedAt > d.now) return
  d.user.words = { ...d.user.words, expectedAt: undefined }
  publish(d, { _tag: "TranscriptionTimedOut", startedAt: words.startedAt ?? d.now, speechMs: words.speechMs })
  Words.takeInterim(d)
}
