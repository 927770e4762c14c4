/**
 * Keys that were pressed before a session listened to the room: kept for the first
 * one, so many at most. It owns them until they are taken.
 */
import type { Room } from "../../Room.ts"
import type { Broadcast } from "./broadcast.ts"
import type { Event } from "./event.ts"

type KeyPressed = Extract<Event, { readonly _tag: "Dtmf" }>

// Nobody dials more before anyone has answered.
const most = 64

export interface EarlyKeys {
  readonly note: (event: Event) => void
  /** What was kept, once: from then on nothing is. */
  readonly take: () => ReadonlyArray<KeyPressed>
}

const makeEarlyKeys = (): EarlyKeys => {
  let kept: Array<KeyPressed> | undefined = []
  return {
    note: (event) => {
      if (kept === undefined || event._tag !== "Dtmf") return
      kept.push(event)
      if (kept.length > most) kept.shift()
    },
    take: () => {
      const all = kept ?? []
      kept = undefined
      return all
    }
  }
}

/** The same events, of which the keys are kept. */
export const keeping = (events: Broadcast<Event>): Broadcast<Event> & { readonly keys: EarlyKeys } => {
  const keys = makeEarlyKeys()
  return {
    ...events,
    keys,
    publish: (event) => {
      keys.note(event)
      events.publish(event)
    }
  }
}

/** On rooms, and on what is made of these: their early keys. */
const early = Symbol.for("effect-voice/earlyKeys")

export const withEarlyKeys = <R extends Room["Service"]>(room: R, keys: EarlyKeys): R =>
  Object.assign(room, { [early]: keys })

export const takeEarlyKeys = (room: object): ReadonlyArray<KeyPressed> =>
  early in room ? (room[early] as EarlyKeys).take() : []
