/** Somebody who calls the agent that reads aloud, as the three processes of that benchmark are told of them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Delays } from "../interruption/told.ts"

export interface Person {
  readonly text: string
  /** From where to where they are heard in their audio (ms). */
  readonly from: number
  readonly to: number
  /** When they begin, after the agent has begun (ms). */
  readonly at: number
  /** How late the recogniser tells their words. */
  readonly delays: Delays
  /** 16 kHz. */
  readonly samples: ReadonlyArray<number>
}

/** What the agent reads aloud. */
export interface Story {
  readonly text: string
  /** 16 kHz. */
  readonly samples: ReadonlyArray<number>
}

const read = (folder: string, name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"))

export const personOf = (folder: string, room: string): Person => read(folder, room) as Person
export const storyOf = (folder: string): Story => read(folder, "story") as Story

/** What the agent's process knows of a call; its times are those of `epoch`. */
export interface Course {
  /** When the recogniser got the first sound. */
  onsetAt?: number
  /** Whenever the agent was paused, or ended by the caller. */
  readonly silencedAt: Array<number>
  /** When it was ended, and did not go on. */
  endedAt?: number
}

/** What a caller has heard; its times are those of `epoch`. */
export interface Heard {
  /** No agent came, or it was not heard. */
  readonly alone: boolean
  /** When the first sound left the microphone. */
  readonly onsetAt: number
  /** When the last of the agent came. */
  readonly lastAt: number
  /** When the caller began to leave. */
  readonly endAt: number
  /** It was heard to the end of the call. */
  readonly throughout: boolean
  /** The silences before the last of it: how long after the agent began, and how long each was (ms). */
  readonly gaps: ReadonlyArray<{ readonly at: number; readonly after: number; readonly ms: number }>
}

/** A clock that processes share (ms). */
export const epoch = (): number => performance.timeOrigin + performance.now()
