/**
 * Which speech a turn is measured by: its reply, or, where that says nothing because its tools let
 * others answer, the first one after it that is heard. Nobody else writes this.
 */
import * as Effect from "effect/Effect"
import { CurrentSpeech } from "../session.ts"
import type { Core } from "./core.ts"
import { makeMilestones, type Milestones, moveSums } from "./milestones.ts"
import type { Speech } from "./speech.ts"

export interface Measuring {
  /** Whoever speaks next answers for a reply, unless that has something to say itself. */
  readonly passOn: (speech: Speech | undefined) => void
  /** A reply has ended in silence: what its tools have asked for answers. Gives that, if it is over already. */
  readonly ended: (speech: Speech) => Speech | undefined
  /** A speech is about to be heard; `asker` is the one whose tool has asked for it. */
  readonly heard: (speech: Speech, asker: Speech | undefined) => void
  /** Nobody waits for the answer to an earlier turn any more. */
  readonly drop: () => void
}

interface Unanswered {
  readonly turn: NonNullable<Speech["measures"]>
  /** The speech whose tools are to answer; `undefined`: whoever speaks next. */
  readonly by: string | undefined
}

const isSilent = ({ lines, milestones }: Speech): boolean => milestones.audible === undefined && lines === 0

export const makeMeasuring = (): Measuring => {
  let unanswered: Unanswered | undefined
  /** The turn that a silent speech was to answer: it is its own no longer, and so are its sums. */
  const take = (speech: Speech): Unanswered["turn"] | undefined => {
    const turn = speech.measures ?? unanswered?.turn
    if (turn === undefined) return undefined
    speech.measures = undefined
    const before: Milestones = turn.before ?? makeMilestones()
    moveSums(speech.milestones, before)
    return { times: turn.times, before }
  }
  return {
    passOn: (speech) => {
      if (speech === undefined || !isSilent(speech)) return
      const turn = take(speech)
      if (turn !== undefined) unanswered = { turn, by: undefined }
    },
    ended: (speech) => {
      if (speech.measures === undefined || speech.outcome !== "completed" || !isSilent(speech)) return undefined
      const turn = take(speech)!
      const { answeredBy } = speech
      if (answeredBy === undefined) unanswered = { turn, by: speech.id }
      else answeredBy.measures ??= turn
      return answeredBy?.finished === true ? answeredBy : undefined
    },
    heard: (speech, asker) => {
      // What fills a silence is no answer, and a speech is heard for the first time once.
      if (speech.passing || speech.milestones.audible !== undefined) return
      if (unanswered !== undefined && (unanswered.by ?? speech.askedBy) === speech.askedBy) {
        speech.measures ??= unanswered.turn
        unanswered = undefined
      } else if (asker !== undefined && asker.measures !== undefined && isSilent(asker)) asker.answeredBy ??= speech
    },
    drop: () => {
      unanswered = undefined
    }
  }
}

/** For a tool: whoever speaks next answers for the reply that has called it. */
export const letOthersAnswer = (core: Core): Effect.Effect<void> =>
  Effect.map(CurrentSpeech, (speech) => core.measuring.passOn(core.speeches.get(speech ?? "")))
