/**
 * Where the pipeline's detector has heard speech, given beside the audio: several recognisers in
 * one are fed all of it, and one of them may want speech only.
 */
import type * as Stt from "./model.ts"

/** Audio in which nobody speaks. */
const idle = new WeakSet<Stt.Input>()

/** What speech begins with, and how far its padding reaches back before it (ms). */
const reach = new WeakMap<Stt.Input, number>()

/** A copy of audio in which nobody speaks: a frame may be fed twice, and mean something else then. */
export const markIdle = (frame: Exclude<Stt.Input, Stt.Finalize>): Stt.Input => {
  const marked = { ...frame }
  idle.add(marked)
  return marked
}

/** A copy of what follows a start of speech whose padding lies up to `ms` before it. */
export const markStart = (input: Stt.Input, ms: number): Stt.Input => {
  const marked = { ...input }
  reach.set(marked, Math.max(0, ms))
  return marked
}

/** What was told of one input holds for what was made of it. */
export const carry = (from: Stt.Input, to: Stt.Input): void => {
  if (idle.has(from)) idle.add(to)
  const ms = reach.get(from)
  if (ms !== undefined) reach.set(to, ms)
}

/** Longest padding that is kept for a start that may come (ms). */
const longestPadding = 5000

interface Timed {
  readonly input: Stt.Input
  readonly start: number
  readonly end: number
}

/** Lets speech with its padding through, and all that nobody has told anything about. */
export const speechOnly = <A extends Timed>(): (entries: ReadonlyArray<A>) => ReadonlyArray<A> => {
  let waiting: Array<A> = []
  return (entries) => {
    const out: Array<A> = []
    for (const entry of entries) {
      if (idle.has(entry.input)) {
        waiting.push(entry)
        if (waiting[0]!.end < entry.end - longestPadding) waiting.shift()
        continue
      }
      const from = entry.start - (reach.get(entry.input) ?? 0)
      for (const padding of waiting) if (padding.end > from) out.push(padding)
      waiting = []
      out.push(entry)
    }
    return out
  }
}
