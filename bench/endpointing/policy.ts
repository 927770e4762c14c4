/** What `Turn.step` makes of a turn that is heard: where it takes the floor. */
import { Result } from "effect"
import { Turn } from "../../src/index.ts"
import * as Endpointing from "../../src/internal/turn/endpointing.ts"
import type { Heard, Oracle } from "./listener.ts"
import type * as Rows from "./rows.ts"

export interface Policy {
  readonly options: Turn.Options
  /** The voice detector ends a speech after 200 ms instead of its 500. @default false */
  readonly keen?: boolean | undefined
  /** The model is asked. */
  readonly model: boolean
  /** What was said is told; else each stretch of speech is one word that says nothing about its end. */
  readonly words: boolean
}

/** What became of one turn. */
export interface Outcome {
  /** For each pause whether the floor was taken in it. */
  readonly cuts: ReadonlyArray<boolean>
  /** From the last sound to where the floor was taken (ms of true silence). */
  readonly wait: number
}

/** Time for an answer of the model, for an interim transcript, and for a final one once it is asked for (ms). */
const [answerMs, interimMs, finalMs] = [50, 150, 100]

/** Longest that anybody waits (ms): the turn is over then. */
export const longest = 4000

const stretchesOf = ({ end, pauses }: Rows.Turn): ReadonlyArray<Rows.Stretch> => {
  const starts = [0, ...pauses.map(({ to }) => to)]
  return starts.map((from, i) => ({ from, to: pauses[i]?.from ?? end }))
}

/** Words never end in a silence: a recogniser's times are rough. */
const wordsOf = (turn: Rows.Turn, spoken: boolean): ReadonlyArray<Rows.Word> =>
  stretchesOf(turn).flatMap(({ from, to }, i, all) => {
    const until = all[i + 1]?.from ?? Infinity
    const inside = spoken
      ? turn.words.filter(({ end, start }) =>
        (start + end) / 2 >= (i === 0 ? 0 : from - 100) && (start + end) / 2 < until - 100
      )
      : []
    return inside.length === 0
      ? [{ text: "going", start: from, end: to }]
      : inside.map(({ end, start, text }) => ({ text, start: Math.min(start, to), end: Math.min(end, to) }))
  })

type Due = { readonly at: number; readonly signal: Turn.Signal } | { readonly at: number; readonly words: number }

export const hold = async (
  { turn, voice }: Heard,
  policy: Policy,
  oracle: Oracle,
  endpointing: Endpointing.State | undefined
): Promise<{ readonly outcome: Outcome; readonly endpointing: Endpointing.State }> => {
  const ears = { stt: true, interims: true, detector: policy.model, listens: policy.model, judge: false, delay: 300 }
  let state = Turn.initial(Result.getOrThrow(Turn.resolve(policy.options)), ears)
  if (endpointing !== undefined) state = { ...state, user: { ...state.user, endpointing } }
  const words = wordsOf(turn, policy.words)
  const due: Array<Due> = [
    ...voice,
    ...words.map((word, i) => ({ at: word.end + interimMs, words: i + 1 }))
  ]
  let settled = 0
  const commits: Array<number> = []
  const heard = (to: number, final: boolean): Turn.Signal => ({
    _tag: "Heard",
    text: words.slice(settled, to).map(({ text }) => text).join(" "),
    final,
    language: turn.language
  })
  const step = async (now: number, signal: Turn.Signal): Promise<void> => {
    const [next, actions] = Turn.step(state, now, signal)
    state = next
    for (const action of actions) {
      if (action._tag === "CommitTurn") {
        commits.push(now)
        await step(now, { _tag: "Declined", turn: action.turn })
      } else if (action._tag === "Finalize") {
        due.push({ at: now + finalMs, signal: { _tag: "Heard", text: "", final: true } })
      } else if (action._tag === "AskDetector") {
        const probability = await oracle.ask(turn, now)
        due.push({ at: now + answerMs, signal: { _tag: "EndOfTurn", question: action.question, probability } })
      }
    }
  }
  await step(0, { _tag: "Opened" })
  const last = turn.end + longest
  for (;;) {
    due.sort((a, b) => a.at - b.at)
    const timer = Turn.deadline(state) ?? Infinity
    const first = due[0]
    const now = Math.min(timer, first?.at ?? Infinity)
    if (now > last || commits.some((at) => at >= turn.end)) break
    if (first === undefined || timer < first.at) {
      await step(timer, { _tag: "Tick" })
      continue
    }
    due.shift()
    if ("words" in first) {
      if (first.words > settled) await step(first.at, heard(first.words, false))
    } else if (first.signal._tag === "Heard") {
      const upTo = words.filter(({ end }) => end <= first.at - finalMs).length
      const signal = heard(upTo, true)
      settled = Math.max(settled, upTo)
      await step(first.at, signal)
    } else await step(first.at, first.signal)
  }
  const inside = (from: number, to: number): boolean => commits.some((at) => at >= from && at < to)
  const ended = commits.find((at) => at >= turn.end)
  return {
    outcome: {
      // Who goes on is heard a moment later.
      cuts: turn.pauses.map(({ from, to }, i) =>
        inside(from, Math.min(to + 150, turn.pauses[i + 1]?.from ?? turn.end))
      ),
      wait: (ended ?? last) - turn.end
    },
    endpointing: Endpointing.onAgentEnded(
      Endpointing.onAgentStarted(state.user.endpointing, last),
      last + 1
    )
  }
}
