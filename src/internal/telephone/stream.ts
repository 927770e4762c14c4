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
import { Change } from "../room/change.ts"
import { unknownParticipant } from "../room/errors.ts"
import { monotonicMs } from "../steady.ts"
import { type Message, rate, read, type Start, writer } from "./protocol.ts"

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
}

// Every mark but the first of a run waits so long for more to mark (ms).
const markEvery = 100
// How late a mark may be before what it marks counts as heard (ms).
const markPatience = 1500
// The carrier sends 50 times a second, also when nobody speaks (ms).
const silentFor = 15_000
const watchEvery = 1000
// How much faster than time a caller may speak, and how much at once (ms).
const allowance = 10_000
// The same of messages, which are 50 to 150 a second.
const messagesPerMs = 0.25
const messagesAtOnce = 2500
// The same of what they weigh: a piece of 20 ms has a third of a kilobyte.
const bytesPerMs = 64
const mostBytes = 262_144
const mostBroken = 100
const longestGap = 60_000

/** When the pieces of the caller's voice begin: a gap in their numbers is a gap in time. */
class Timeline {
  #chunk = 0
  #end = 0

  /** Nothing for a piece that came before. Numbers that are far from the last begin again: nobody is unheard for one. */
  next({ at, chunk }: Extract<Message, { _tag: "Media" }>, length: number): number | undefined {
    if (chunk === undefined || chunk === 0) return this.#place(at ?? this.#end, length)
    const missing = (chunk - this.#chunk - 1) * length
    const isFar = Math.abs(missing) > longestGap
    if (chunk <= this.#chunk && !isFar) return undefined
    this.#chunk = chunk
    return this.#place(at ?? this.#end + (isFar ? 0 : missing), length)
  }

  #place(begin: number, length: number): number {
    const at = begin >= this.#end && begin - this.#end <= longestGap ? begin : this.#end
    this.#end = at + length
    return at
  }
}

/** The marks that are on their way: each says that the carrier has played up to a position. */
class Marks {
  /** Up to where was played, and marked (ms). */
  given = 0
  marked = 0
  #waiting = new Map<string, { readonly position: number; readonly due: number }>()
  #run = 0

  get idle(): boolean {
    return this.#waiting.size === 0
  }

  add(now: number, ahead: number): string {
    const name = `${this.#run}.${this.given}`
    this.marked = this.given
    this.#waiting.set(name, { position: this.given, due: now + ahead + markPatience })
    return name
  }

  /** The position of a mark that is back, if it is one of those that wait. */
  back(name: string): number | undefined {
    const mark = this.#waiting.get(name)
    this.#waiting.delete(name)
    return mark?.position
  }

  /** The last position that should have been told by now. */
  late(now: number): number | undefined {
    let position: number | undefined
    for (const [name, mark] of this.#waiting) {
      if (mark.due > now) break
      position = mark.position
      this.#waiting.delete(name)
    }
    return position
  }

  /** The carrier gives back what it drops: none of it was heard. */
  drop(): void {
    this.#run++
    this.#waiting.clear()
    this.marked = this.given
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
      let heardAt = began
      let heardMs = 0
      let messages = 0
      let bytes = 0
      let broken = 0
      let over = false

      const end = (left: LeaveReason, reason: EndReason): void => {
        if (over) return
        over = true
        incoming.left(identity, left)
        incoming.ended(reason)
      }

      // Who floods the line would take the time and the memory of all calls.
      const isFlood = (): boolean => {
        const since = heardAt - began
        return heardMs > since + allowance || messages > since * messagesPerMs + messagesAtOnce ||
          bytes > since * bytesPerMs + mostBytes
      }

      const hear = (received: string | Uint8Array): void => {
        messages++
        bytes += received.length
        if (isFlood()) return end("removed", "removed")
        const message = read(received)
        switch (message?._tag) {
          case "Media": {
            const length = message.samples.length * 1000 / rate
            heardMs += length
            const at = timeline.next(message, length)
            if (at !== undefined) {
              incoming.audio(identity, [{ samples: message.samples, sampleRate: rate, channels: 1, at }])
            }
            return
          }
          case "Mark": {
            const position = marks.back(message.name)
            if (position !== undefined) incoming.played(position)
            return
          }
          case "Key":
            return incoming.keys(identity, message.digit)
          case "Stop":
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

      const mark = (): void => link.send(to.mark(marks.add(monotonicMs(clock), ahead)))

      const marking = Effect.suspend(() => {
        if (marks.given === marks.marked) return unmarked.next
        return Effect.tap(Effect.sleep(markEvery), () =>
          Effect.sync(() => {
            if (marks.given > marks.marked) mark()
          }))
      })

      const watching = Effect.tap(Effect.sleep(watchEvery), () =>
        Effect.sync(() => {
          const now = monotonicMs(clock)
          const position = marks.late(now)
          if (position !== undefined) incoming.played(position)
          if (now - heardAt > silentFor) end("connection_lost", "connection_lost")
        }))

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
      yield* Effect.forkScoped(Effect.forever(marking))
      yield* Effect.forkScoped(Effect.forever(watching))

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
            : Effect.fail(unknownParticipant("remove", who))
      }
    })
