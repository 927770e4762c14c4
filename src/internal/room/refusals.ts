/**
 * What a room does not take in of those who are in it: each is counted, and only the first of a kind is
 * told in the log, which nobody else can flood so.
 */
import * as Effect from "effect/Effect"
import { roomRefusals } from "../metrics/series.ts"
import { masked } from "../numbers.ts"

/** A message, a remote call, a key, or what a listener who lagged behind has lost. */
export type Refused = keyof typeof roomRefusals

export interface Refusals {
  /** `facts` are for the log. */
  readonly note: (what: Refused, facts?: { readonly participant?: string; readonly topic?: string }) => void
}

const words: Readonly<Record<Refused, string>> = {
  message: "a message was not taken in: too long, too many at once, or unfinished",
  call: "a remote call was not taken in: too long, or too many at once",
  key: "keys were not taken in: too many at once",
  lagged: "what has come was lost: who listens lags behind, or too much comes"
}

/** `run`: for as long as the room is open. */
export const makeRefusals = (run: (effect: Effect.Effect<void>) => unknown): Effect.Effect<Refusals> =>
  Effect.contextWith((context) =>
    Effect.sync(() => {
      const told = new Set<Refused>()
      return {
        note: (what, { participant, topic } = {}) => {
          roomRefusals[what].updateUnsafe(1, context)
          if (told.has(what)) return
          told.add(what)
          run(Effect.annotateLogs(Effect.logWarning(words[what]), {
            ...(participant === undefined ? {} : { participant: masked(participant) }),
            ...(topic === undefined ? {} : { topic: masked(topic) })
          }))
        }
      }
    })
  )
