/**
 * Where a speech goes on after an interruption that was none: where it was
 * paused, or, after more than a moment, at the beginning of the clause. That is
 * known from the times of the words, or heard: the last silence before it.
 */
import * as Effect from "effect/Effect"
import * as Audio from "../../Audio.ts"
import * as Turn from "../../Turn.ts"
import * as Alignment from "../alignment.ts"
import type { Core } from "./core.ts"
import { furthestBack } from "./lineOutput.ts"
import { ask } from "./roomTimeout.ts"
import type { Utterance } from "./utterance.ts"

/** A pause (ms) after which nobody remembers the beginning of the clause. */
const moment = 600

/** Between clauses there is less than this (dBFS), for so long (ms); speech begins in it a little before it is heard (ms). */
const silence = -45
const breathMs = 150
const leadMs = 40
const windowMs = 10

/** The end of the last silence in the audio, as ms before its end; `undefined` where there is none. */
export const lastSilence = (audio: Audio.Frame): number | undefined => {
  const windows = Math.floor(Audio.durationMs(audio) / windowMs)
  const end = Audio.durationMs(audio)
  let sounded = false
  let quiet = 0
  for (let i = windows - 1; i >= 0; i--) {
    const level = Audio.dbfs(Audio.slice(audio, i * windowMs, (i + 1) * windowMs))
    if (level >= silence) {
      sounded = true
      quiet = 0
    } else if (sounded && ++quiet * windowMs >= breathMs) return end - (i + quiet) * windowMs + leadMs
  }
  return undefined
}

const startOf = (utterance: Utterance, position: number, before: () => Audio.Frame | undefined): number | undefined => {
  if (utterance.alignment.length > 0) return Alignment.clauseStart(utterance.alignment, position, furthestBack)
  const audio = before()
  const back = audio === undefined ? undefined : lastSilence(audio)
  return back === undefined ? undefined : Math.max(0, position - back)
}

/** Lets the output go on, for a speech that was paused for so long (ms). */
export const resume = (core: Core, id: string, pausedMs: number): Effect.Effect<void> => {
  const clause = pausedMs > moment && Turn.settings(core.conductor.state()).interruption.resumeFrom === "clause"
  return core.commands.say(
    "resume",
    Effect.suspend(() => {
      const saying = core.speeches.get(id)?.saying
      if (saying === undefined || !clause) return ask(core, core.output.resume, undefined)
      return saying.output.resume((position, before) => startOf(saying.utterance, position, before))
    })
  )
}
