/**
 * Callers of the agent that reads aloud: rtc-node itself, some rooms at a time. Each listens for a
 * while, says what it has to say, and listens on: whether the agent is heard, 10 ms at a time.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { hiss, randomFrom } from "../interruption/people.ts"
import { type Address, enter, patience } from "./caller.ts"
import { epoch, type Heard, personOf } from "./person.ts"

export interface Listeners extends Address {
  readonly rooms: ReadonlyArray<string>
  readonly atOnce: number
  readonly agentName: string
  /** Where the callers are, by their rooms. */
  readonly folder: string
}

/** Less than that (RMS, 0–1) is no more of the agent: its story lies over a tone, which is louder even when it is lowered. */
const audible = 0.0018

/** So many pieces (10 ms) without the agent in a row are silence: one that is lost is none. */
const silentFor = 6

/** Listens on for so long after the last word (ms): then what was paused for nothing has gone on. */
const after = 4000

const listen = () => {
  const pieces: Array<{ readonly at: number; readonly audible: boolean }> = []
  return {
    onPiece: (level: number, at: number) => void pieces.push({ at, audible: level > audible }),
    heard: (): Pick<Heard, "lastAt" | "endAt" | "throughout" | "gaps"> => {
      const offset = epoch() - performance.now()
      const first = pieces.findIndex((piece) => piece.audible)
      const gaps: Array<Heard["gaps"][number]> = []
      let last = first
      for (let i = first; i < pieces.length; i++) {
        if (!pieces[i]!.audible) continue
        if (i - last > silentFor) {
          gaps.push({ at: pieces[last]!.at + offset, after: (last - first) * 10, ms: (i - last) * 10 })
        }
        last = i
      }
      return {
        endAt: epoch(),
        lastAt: (pieces[last]?.at ?? 0) + offset,
        throughout: pieces.length - last <= silentFor,
        gaps
      }
    }
  }
}

const call = async (job: Listeners, room: string, index: number): Promise<Heard> => {
  const person = personOf(job.folder, room)
  const random = randomFrom(index + 1)
  const ears = listen()
  const caller = await enter(job, room, job.agentName, {
    onPiece: ears.onPiece,
    background: () => hiss(10, random).samples
  })
  try {
    const begun = caller.reply()
    const joined = await Promise.race([caller.join(), sleep(patience, undefined, { ref: false })])
    if (joined === undefined || await begun === undefined) {
      return { alone: true, onsetAt: 0, lastAt: 0, endAt: 0, throughout: false, gaps: [] }
    }
    await sleep(person.at)
    const { first } = await caller.say(Int16Array.from(person.samples))
    await sleep(after)
    return { alone: false, onsetAt: first + epoch() - performance.now(), ...ears.heard() }
  } finally {
    await caller.leave()
  }
}

process.once("message", (job: Listeners) => {
  void (async () => {
    const heard: Record<string, Heard> = {}
    let next = 0
    const slot = async () => {
      while (next < job.rooms.length) {
        const index = next++
        const room = job.rooms[index]!
        heard[room] = await call(job, room, index)
      }
    }
    await Promise.all(Array.from({ length: job.atOnce }, async (_, i) => {
      await sleep(i * 300)
      await slot()
    }))
    process.send!({ phase: "end", result: heard })
    process.disconnect()
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
