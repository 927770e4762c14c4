/**
 * One caller's room over their socket, and over the next one when that is lost.
 *
 * It owns which socket is theirs. A socket that says nothing for too long, takes
 * nothing, or says what nobody may, is given up; then the caller has gone, and the
 * room waits for them, no longer than `returnMs`, before it ends. Closing the scope
 * ends the room, tells the caller why, and closes the socket.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Audio from "../../Audio.ts"
import type { Room, RoomError } from "../../Room.ts"
import type { Newcomer } from "../room/control.ts"
import { refuse as refusal } from "../room/errors.ts"
import { makeRoom } from "../room/kit.ts"
import type { Incoming, MakeOptions, Outgoing } from "../room/transport.ts"
import { monotonicMs } from "../steady.ts"
import { decodeAudio, encodeAudio, type Join, type Message, sent, type Told, write } from "./protocol.ts"

/** A socket, or what a test has for one. */
export interface Wire {
  readonly send: (message: string | Uint8Array) => void
  /** Bytes that wait to be sent. */
  readonly unsent: () => number
  readonly close: (code: number) => void
}

export interface Settings {
  /** Of the agent's voice, in Hz. */
  readonly sampleRate: number
  readonly aheadMs: number
  readonly returnMs: number
  /** A socket on which nothing comes for so long is lost (ms). */
  readonly silentMs: number
  readonly attach: MakeOptions["attach"]
}

export interface Call {
  readonly room: Room["Service"]
  /** What is open now, added up: zero once the agent has gone. */
  readonly open: () => number
  /** Another socket is theirs from now on. */
  readonly connect: (wire: Wire, join: Join) => void
  /** Something came on a socket; of one that is no longer theirs it is ignored. */
  readonly receive: (wire: Wire, message: Message | Uint8Array) => void
  readonly lost: (wire: Wire) => void
  /** Closes their socket: the call is about to end, and another server may have one for them. */
  readonly sendAway: () => void
}

// Bytes that may wait for a caller who is too slow for what they are sent.
const mostUnsent = 4 * 1024 * 1024
// A microphone's time that runs ahead of ours by more is not believed (ms).
const aheadOfUs = 2000
// Calls of a caller's methods, and of the agent's, that may be open at once.
const mostAsked = 64

/** What is asked of the caller and of the agent by name, each answered once. */
const makeQuestions = (
  run: (effect: Effect.Effect<unknown>) => void,
  tell: (told: Told) => void,
  incoming: () => Incoming
) => {
  const asked = new Map<string, Deferred.Deferred<string, RoomError>>()
  let count = 0
  let answering = 0
  const failed = (why: string) => refusal("RpcFailed", `call: ${why}`)
  const refuse = (id: string, error: string): void => tell({ type: "answer", id, error })
  return {
    ask: ({ method, payload }: { readonly method: string; readonly payload: string }) =>
      Effect.suspend(() => {
        if (asked.size >= mostAsked) return Effect.fail(failed("too many calls wait for an answer"))
        const id = String(++count)
        const answer = Deferred.makeUnsafe<string, RoomError>()
        asked.set(id, answer)
        tell({ type: "call", id, method, payload })
        return Effect.ensuring(Deferred.await(answer), Effect.sync(() => asked.delete(id)))
      }),
    answered: (id: string, payload: string | undefined): void => {
      const answer = asked.get(id)
      if (answer === undefined) return
      Deferred.doneUnsafe(answer, payload === undefined ? Effect.fail(failed("refused")) : Effect.succeed(payload))
    },
    /** The caller is gone, and so are their answers. */
    lost: (): void => {
      for (const answer of asked.values()) Deferred.doneUnsafe(answer, Effect.fail(failed("the caller has gone")))
    },
    refuse,
    answer: (identity: string, id: string, method: string, payload: string): void => {
      if (answering >= mostAsked) return refuse(id, "too many calls at once")
      answering++
      run(
        Effect.onExit(incoming().call({ identity, method, payload }), (exit) =>
          Effect.sync(() => {
            answering--
            tell({ type: "answer", id, ...(Exit.isSuccess(exit) ? { payload: exit.value } : { error: "failed" }) })
          })).pipe(Effect.ignore)
      )
    }
  }
}

/** A caller's microphone on one socket after the other, whose times are believed as far as they can be. */
const makeEar = (now: () => number, hear: (frame: Audio.Frame) => void) => {
  let sampleRate = 16_000
  let since = 0
  let end = 0
  return {
    restart: (rate: number): void => {
      sampleRate = rate
      since = now()
      end = 0
    },
    /** Tells whether it is audio. */
    take: (bytes: Uint8Array): boolean => {
      const frame = decodeAudio(bytes, sampleRate)
      if (Result.isFailure(frame)) return false
      const { at = 0, samples } = frame.success
      const from = at >= end - 1 && at <= now() - since + aheadOfUs ? at : end
      end = from + samples.length / sampleRate * 1000
      hear({ ...frame.success, at: from })
      return true
    }
  }
}

/** Does what a caller says in JSON; tells whether they may say it. */
const obey = (
  message: Message,
  identity: string,
  incoming: Incoming,
  questions: ReturnType<typeof makeQuestions>
): boolean => {
  switch (message.type) {
    case "played":
      incoming.played(message.position)
      return true
    case "muted":
      incoming.muted(identity, message.muted)
      return true
    case "text":
      incoming.text({ identity, topic: message.topic, text: message.text })
      return true
    case "keys":
      incoming.keys(identity, message.digits)
      return true
    case "call":
      if ("method" in message) questions.answer(identity, message.id, message.method, message.payload)
      else questions.refuse(message.id, "this is no call, or it is too long")
      return true
    case "answer":
      questions.answered(message.id, message.payload)
      return true
    case "pong":
      return true
    case "leave":
      incoming.left(identity, "left")
      incoming.ended("room_closed")
      return true
    case "join":
      return false
  }
}

export const makeCall = (
  settings: Settings,
  about: { readonly name: string; readonly resume: string; readonly caller: Newcomer }
): Effect.Effect<Call, RoomError, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const { caller, name, resume } = about
    const { identity } = caller
    const { returnMs, sampleRate, silentMs } = settings
    const run = yield* FiberSet.makeRuntime<never, unknown, never>()
    let wire: Wire | undefined
    let heardAt = 0
    let waiting: Fiber.Fiber<unknown> | undefined
    let incoming!: Incoming
    const tell = (told: Told): void => send(write(told))
    const questions = makeQuestions(run, tell, () => incoming)
    const ear = makeEar(() => monotonicMs(clock), (frame) => incoming.audio(identity, [frame]))

    const send = (message: string | Uint8Array): void => {
      const to = wire
      if (to === undefined) return
      if (to.unsent() > mostUnsent) drop(to, 1008)
      else to.send(message)
    }
    /** A socket is theirs no more; they may be back on another. */
    const drop = (from: Wire, code?: number): void => {
      if (from !== wire) return
      wire = undefined
      if (code !== undefined) from.close(code)
      questions.lost()
      incoming.left(identity, "connection_lost")
      waiting = run(
        Effect.andThen(
          clock.sleep(Duration.millis(returnMs)),
          Effect.sync(() => incoming.ended("connection_lost"))
        )
      )
    }
    /** Whoever has joined is asked for a sign of life, and given up without one. */
    const watch = (of: Wire): Effect.Effect<void> => {
      const every = silentMs / 4
      const look = (id: number): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (of !== wire) return Effect.void
          const now = monotonicMs(clock)
          if (now - heardAt >= silentMs) return Effect.sync(() => drop(of, 1001))
          tell({ type: "ping", id })
          const next = Math.min(every, heardAt + silentMs - now)
          return Effect.andThen(clock.sleep(Duration.millis(next)), look(id + 1))
        })
      return look(0)
    }

    const goodbye = (code: number, reason: Told): void => {
      const last = wire
      wire = undefined
      last?.send(write(reason))
      last?.close(code)
    }

    const made = yield* makeRoom({
      name,
      format: { sampleRate, channels: 1 },
      ahead: settings.aheadMs,
      playhead: "reported",
      attach: settings.attach,
      open: (given) =>
        Effect.sync((): Outgoing => {
          incoming = given
          return {
            play: (frame, position) => send(encodeAudio(frame, position)),
            clear: () => tell({ type: "clear" }),
            send: (message) => Effect.sync(() => tell(sent(message))),
            call: questions.ask,
            remove: () => Effect.sync(() => goodbye(1000, { type: "ended", reason: "removed" }))
          }
        })
    })
    yield* Effect.forkScoped(
      Effect.map(made.room.ended, (reason) => goodbye(1000, { type: "ended", reason })),
      { startImmediately: true }
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => goodbye(1000, { type: "ended", reason: "room_closed" })))

    return {
      room: made.room,
      open: made.open,
      connect: (next, join) => {
        const before = wire
        wire = next
        waiting?.interruptUnsafe()
        waiting = undefined
        // Whoever comes back by another way has left this one. A second page of theirs must not take it back again.
        before?.send(write({ type: "ended", reason: "duplicate_identity" }))
        before?.close(1000)
        heardAt = monotonicMs(clock)
        ear.restart(join.sampleRate)
        tell({ type: "joined", room: name, resume, returnTimeout: returnMs, sampleRate })
        // Nobody calls themselves otherwise than they are known.
        incoming.joined({ ...caller, name: caller.name ?? join.name })
        run(watch(next))
      },
      receive: (from, message) => {
        if (from !== wire) return
        heardAt = monotonicMs(clock)
        if (message instanceof Uint8Array) return ear.take(message) ? undefined : drop(from, 1003)
        if (!obey(message, identity, incoming, questions)) drop(from, 1008)
      },
      lost: (from) => drop(from),
      sendAway: () => {
        if (wire !== undefined) drop(wire, 1001)
      }
    }
  })
