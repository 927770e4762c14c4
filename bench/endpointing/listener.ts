/**
 * What is heard of a turn, and when: the boundaries that Silero finds in it, and
 * what Smart Turn thinks at each moment at which it is asked. Both are computed
 * once; answers are kept in the folder.
 */
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { Audio, Vad } from "../../src/index.ts"
import type { Turn } from "../../src/index.ts"
import * as Features from "../../src/internal/smartTurn/features.ts"
import { bundled, predictor } from "../../src/internal/smartTurn/predictor.ts"
import type * as Rows from "./rows.ts"

export interface Heard {
  readonly turn: Rows.Turn
  /** Signals of the voice and when they come (ms). */
  readonly voice: ReadonlyArray<{ readonly at: number; readonly signal: Turn.Signal }>
}

const frameMs = 20

const signalOf = (event: Vad.Event): Turn.Signal => {
  switch (event._tag) {
    case "SpeechStarted":
      return { _tag: "VoiceStarted", startedAt: event.at }
    case "VoicePaused":
      return { _tag: "VoicePaused", voiceAt: event.at }
    case "VoiceResumed":
      return { _tag: "VoiceResumed", voiceAt: event.at }
    case "SpeechEnded":
      return { _tag: "VoiceEnded", endedAt: event.at }
  }
}

export const listen = (turn: Rows.Turn, options: Vad.Options = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const detector = yield* (yield* Vad.Vad).detector(options)
    const voice: Array<Heard["voice"][number]> = []
    for (let from = 0; from < Audio.durationMs(turn.audio); from += frameMs) {
      const events = yield* detector.push([Audio.slice(turn.audio, from, from + frameMs)])
      for (const event of events) voice.push({ at: from + frameMs, signal: signalOf(event) })
    }
    return { turn, voice } satisfies Heard
  }))

/** Audio that the model is given at most (ms): the turn up to then, whether or not the floor was taken in it before. */
const window = (1000 * Features.span) / Features.sampleRate

export interface Oracle {
  /** Smart Turn's answer to a question at `now`. */
  readonly ask: (turn: Rows.Turn, now: number) => Promise<number>
  readonly save: () => void
}

export const oracle = (file: string) =>
  Effect.gen(function*() {
    const { predict } = yield* predictor(bundled)
    const known = new Map<string, number>(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [])
    const run = Effect.runPromiseWith(yield* Effect.context<never>())
    return {
      ask: async (turn, now) => {
        const from = Math.max(0, now - window)
        const key = `${turn.id} ${Math.round(now)}`
        const before = known.get(key)
        if (before !== undefined) return before
        const probability = await run(predict(Audio.slice(turn.audio, from, now).samples.slice()))
        known.set(key, probability)
        return probability
      },
      save: () => writeFileSync(file, JSON.stringify([...known]))
    } satisfies Oracle
  })
