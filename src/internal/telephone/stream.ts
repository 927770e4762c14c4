/**
 * One media stream as the transport of a room: the caller's voice and keys come
 * in, the agent's voice goes out in pieces of 20 ms, and marks tell how much of it
 * was heard. It owns the socket: closing the scope closes it, which ends the call
 * where the carrier was given nothing else to do. The room ends when the carrier
 * stops the stream, when the socket is lost, or when nothing has come for a while.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type { EndReason, Incoming, LeaveReason, Newcomer, Outgoing, RoomError } from "../../Room.ts"
import { makeAllowance } from "../allowance.ts"
import { Change } from "../room/change.ts"
import { unknownParticipant } from "../room/errors.ts"
import { monotonicMs } from "../steady.ts"
import { rate, read, type Start, writer } from "./protocol.ts"
import { type Placed, Timeline } from "./timeline.ts"

/** An open socket, both ways. */
export interface Link {
  readonly pull: Socket.Reader["pull"]
  readonly send: (text: string) => void
  /** Begins to close it, behind what was sent. */
  readonly close: () => void
  /** Messages that came behind the one that began the stream. */
  readonly early: ReadonlyArray<string | Uint8Array>
}

export interface StreamOptions {
  readonly clock: Clock.Clock
  readonly link: Link
  readonly start: Start
  readonly caller: Newcomer
  /** Ends the call at the carrier, where there is a key to it. */
  readonly hangUp: Effect.Effect<void, RoomError>
  /** Gives the call to somebody else, where there is a key to it. */
  readonly transfer?: Outgoing["transfer"]
}

// Every mark but the first of a run waits so long for more to mark (ms).
const markEvery = 100
// How late a mark may be before what it marks counts as heard (ms).
const markPatience = 1500
// A carrier that sends nothing for so long is asked whether it is there, and then has as long as is left to answer (ms).
const askedAfter = 10_000
const silentFor = 15_000
const watchEvery = 500
// How much faster than time a caller may speak, whose clock is no better than ours, and how much at once: all that a
// network can have held back (ms).
const heardPerMs = 1.01
const heardAtOnce = silentFor + 5000
// The same of messages, which are 50 to 150 a second.
const messagesPerMs = 0.25
const messagesAtOnce = 2500
// The same of what they weigh: a piece of 20 ms has a third of a kilobyte.
const bytesPerMs = 64
const mostBytes = 524_288
const mostBroken = 100
/** A mark that asks whether the carrier is there: no position is its name. */
const there = "there"

/**
 * The marks that are on their way: each says that the carrier has played up to a position. Where one
 * does not come back, the carrier knows no marks: from then on, until one does, the Clock tells.
 */
class Marks {
  /** Up to where was played, and marked (ms). */
  given = 0
  marked = 0
  /** None comes back. */
  lost = false
  #waiting = new Map<string, { readonly position: number; readonly ends: number }>()
  #run = 0
  /** When the carrier should have played all that was marked. */
  #ends = 0

  get idle(): boolean {
    return this.#waiting.size === 0
  }

  add(now: number): string {
    const name = `${this.#run}.${this.given}`
    this.#ends = Math.max(now, this.#ends) + this.given - this.marked
    this.marked = this.given
    this.#waiting.set(name, { position: this.given, ends: this.#ends })
    return name
  }

  /** The position of a mark that is back, if it is one of those that wait. */
  back(name: string): number | undefined {
    const mark = this.#waiting.get(name)
    this.#waiting.delete(name)
    if (mark !== undefined) this.lost = false
    return mark?.position
  }

  /** The last position that should have been told by now. */
  late(now: number): number | undefined {
    let position: number | undefined
    for (const [name, mark] of this.#waiting) {
      if (mark.ends + (this.lost ? 0 : markPatience) > now) break
      position = mark.position
      this.lost = true
      this.#waiting.delete(name)
    }
    return position
  }

  /** The carrier gives back what it drops: none of it was heard. */
  drop(): void {
    this.#run++
    this.#waiting.clear()
    this.marked = this.given
    this.#ends = 0
  }
}

/** How far ahead of what is heard the carrier is given audio (ms). */
export const ahead = 200

export const openStream =
  (options: StreamOptions) => (incoming: Incoming): Effect.Effect<Outgoing, never, Scope.Scope> =>
    Effect.gen(function*() {
      const { caller: { identity }, clock, link, start } = options
      const to = writer(start.streamSid)
      const marks = new Marks()
      const timeline = new Timeline()
      const unmarked = new Change()
      const began = monotonicMs(clock)
      const mayHear = makeAllowance(heardAtOnce, heardPerMs, began)
      const mayTell = makeAllowance(messagesAtOnce, messagesPerMs, began)
      const mayWeigh = makeAllowance(mostBytes, bytesPerMs, began)
      let heardAt = began
      let askedAt = began
      let broken = 0
      let over = false

      const end = (left: LeaveReason, reason: EndReason): void => {
        if (over) return
        over = true
        incoming.left(identity, left)
        incoming.ended(reason)
      }

      const give = (pieces: ReadonlyArray<Placed>): void => {
        if (pieces.length === 0) return
        incoming.audio(identity, pieces.map((piece) => ({ ...piece, sampleRate: rate, channels: 1 })))
      }

      const hear = (received: string | Uint8Array): void => {
        // Who floods the line would take the time and the memory of all calls.
        const may = [mayTell(1, heardAt), mayWeigh(received.length, heardAt)]
        if (may.includes(false)) return end("removed", "removed")
        const message = read(received)
        switch (message?._tag) {
          case "Media": {
            if (!mayHear(message.samples.length * 1000 / rate, heardAt)) return end("removed", "removed")
            return give(timeline.push(message, heardAt))
          }
          case "Mark": {
            const position = marks.back(message.name)
            if (position !== undefined) incoming.played(position)
            return
          }
          case "Keys":
            return incoming.keys(identity, message.digits)
          case "Stop":
            give(timeline.flush(heardAt))
            return end("left", "room_closed")
          case undefined:
            if (++broken > mostBroken) end("removed", "removed")
            return
          case "Connected":
          case "Start":
          case "Unplayable":
          case "Other":
        }
      }

      const mark = (): void => link.send(to.mark(marks.add(monotonicMs(clock))))

      const marking = Effect.suspend(() => {
        if (marks.given === marks.marked) return unmarked.next
        return Effect.tap(Effect.sleep(markEvery), () =>
          Effect.sync(() => {
            if (marks.given > marks.marked) mark()
          }))
      })

      const watching = Effect.suspend(() =>
        Effect.tap(Effect.sleep(marks.lost ? markEvery : watchEvery), () =>
          Effect.sync(() => {
            const now = monotonicMs(clock)
            // What the carrier has not been heard of since, the network may hold back.
            const position = marks.late(heardAt)
            if (position !== undefined) incoming.played(position)
            if (now - heardAt > silentFor) return end("connection_lost", "connection_lost")
            if (now - heardAt > watchEvery) give(timeline.flush(heardAt))
            // Nothing is sent of a caller who is silent, by some carriers: a mark comes back, where it is not lost.
            if (now - Math.max(heardAt, askedAt) > askedAfter) {
              askedAt = now
              link.send(to.mark(there))
            }
          }))
      )

      const reading = Effect.tap(link.pull, (batch) =>
        Effect.sync(() => {
          heardAt = monotonicMs(clock)
          for (const received of batch) if (!over) hear(received)
        }))

      yield* Effect.addFinalizer(() => Effect.sync(link.close))
      incoming.joined(options.caller)
      for (const received of link.early) if (!over) hear(received)
      yield* Effect.forever(reading, { disableYield: true }).pipe(
        Effect.ensuring(Effect.sync(() => end("connection_lost", "connection_lost"))),
        Effect.ignore,
        Effect.forkScoped({ startImmediately: true })
      )
      for (const task of [marking, watching]) yield* Effect.forkScoped(Effect.forever(task))

      return {
        play: ({ samples }, position) => {
          link.send(to.media(samples))
          marks.given = position
          // The first of a run is marked at once: it tells when the carrier begins.
          if (marks.idle) mark()
          else unmarked.tell()
        },
        clear: () => {
          marks.drop()
          link.send(to.clear)
        },
        remove: (who) =>
          who === identity
            ? Effect.ensuring(options.hangUp, Effect.sync(() => end("removed", "removed")))
            : Effect.fail(unknownParticipant("remove", who)),
        transfer: options.transfer
      }
    })
