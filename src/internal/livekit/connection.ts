/**
 * One connection to a room: joined, and left in such a way that nothing of it stays behind. Joining
 * cannot be aborted: an interruption returns at once, and the connection is closed as soon as it is
 * there.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { RoomError } from "../../Room.ts"
import { encryptionFailure } from "./convert.ts"
import {
  abandonable,
  asRecord,
  client,
  type EngineOptions,
  type FfiEvent,
  hidden,
  type RtcRoom,
  saying,
  take
} from "./rtc.ts"

export interface JoinOptions extends EngineOptions {
  readonly url: string
  readonly token: Redacted.Redacted
  /** Everything is received by itself; else only what is asked for. */
  readonly everything: boolean
  readonly key: Redacted.Redacted | undefined
  /** Longest text or bytes that are taken in. */
  readonly maxMessageBytes: number
  /** Puts the handlers on, before anything can be missed. */
  readonly prepare: (room: RtcRoom) => void
  readonly onEncryptionFailure: (room: RtcRoom, identity: string, detail: string) => void
  /** Something went wrong while an event was handled. */
  readonly onDefect: (error: unknown) => void
}

export interface Connection {
  readonly room: RtcRoom
  /** Leaves; once, and in bounded time. */
  readonly close: Effect.Effect<void>
}

const isListener = (u: unknown): u is (event: FfiEvent) => unknown => typeof u === "function"

/**
 * Lets a room see only events that can be its own. By itself it takes a lock
 * for each event of every room in the process, every frame of audio among them.
 */
const filterEvents = (room: RtcRoom, options: JoinOptions): void => {
  const original = hidden(room, "onFfiEvent")
  if (!isListener(original)) return
  Reflect.set(room, "onFfiEvent", (event: FfiEvent): void => {
    const { message } = event
    if (message.case !== "roomEvent" && message.case !== "rpcMethodInvocation") return
    if (message.case === "roomEvent") {
      const { message: inner, roomHandle } = asRecord(message.value)
      const handle = asRecord(hidden(room, "ffiHandle"))["handle"]
      if (handle !== undefined && handle !== roomHandle) return
      const failure = encryptionFailure(asRecord(inner))
      if (failure !== undefined) options.onEncryptionFailure(room, failure.identity, failure.detail)
    }
    void guarded(() => original(event), options.onDefect)
  })
}

const guarded = async (run: () => unknown, onDefect: (error: unknown) => void): Promise<void> => {
  try {
    await run()
  } catch (error) {
    onDefect(error)
  }
}

const isDisposable = (u: unknown): u is { readonly dispose: () => void } => typeof asRecord(u)["dispose"] === "function"

/** The engine's answer to a method holds the room that it is answered in, for ever where nobody takes it back. */
const unregister = (room: RtcRoom): void => {
  const { localParticipant } = room
  const methods = localParticipant === undefined ? undefined : hidden(localParticipant, "rpcHandlers")
  if (!(methods instanceof Map)) return
  for (const method of methods.keys()) {
    try {
      localParticipant?.unregisterRpcMethod(String(method))
    } catch {
      // The engine has dropped it already.
    }
  }
}

/** Leaves the room, and takes away what it leaves behind when the server has ended it. */
const disconnect = async (room: RtcRoom): Promise<void> => {
  unregister(room)
  try {
    await room.disconnect()
  } catch {
    // It has gone already.
  }
  const listener = hidden(room, "onFfiEvent")
  if (isListener(listener)) client()?.off("ffi_event", listener)
  room.removeAllListeners()
  const handle = hidden(room, "ffiHandle")
  if (!isDisposable(handle)) return
  Reflect.set(room, "ffiHandle", undefined)
  try {
    handle.dispose()
  } catch {
    // The engine has dropped it already.
  }
}

const refused = /\b(?:401|403|unauthori[sz]ed|forbidden|invalid token|permission)/i

/** What stays as it is however often it is tried. */
export const isRefusal = (error: RoomError): boolean => error.reason !== "ConnectFailed" || refused.test(error.detail)

const failed = (error: unknown): RoomError =>
  new RoomError({ reason: "ConnectFailed", detail: `connect: the room could not be joined: ${saying(error)}` })

/** Without ratcheting, and with patience that ends: else another key is never noticed. */
const encryption = (key: Redacted.Redacted | undefined) =>
  key === undefined ? {} : {
    encryption: {
      keyProviderOptions: {
        sharedKey: new TextEncoder().encode(Redacted.value(key)),
        failureTolerance: 10,
        ratchetWindowSize: 0
      }
    }
  }

// The native side gives up by itself after half of it.
const patience = "30 seconds"
const leaving = "5 seconds"

export const join = (options: JoinOptions): Effect.Effect<Connection, RoomError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { release, rtc } = yield* take(options)
      const room = new rtc.Room()
      // Each track listens to its room, and takes that back when it is gone: many of them are no leak.
      room.setMaxListeners(0)
      filterEvents(room, options)
      options.prepare(room)
      const end = async (): Promise<void> => {
        await disconnect(room)
        await release()
      }
      const connect = async (): Promise<void> => {
        try {
          await room.connect(options.url, Redacted.value(options.token), {
            autoSubscribe: options.everything,
            dynacast: false,
            dataStream: { maxPayloadByteLength: options.maxMessageBytes },
            ...encryption(options.key)
          })
        } catch (error) {
          await end()
          throw error
        }
      }
      yield* restore(Effect.timeout(abandonable(connect, end), patience)).pipe(Effect.mapError(failed))
      return { room, close: yield* Effect.cached(bounded(end)) }
    })
  )

const bounded = (end: () => Promise<void>): Effect.Effect<void> =>
  Effect.promise(end).pipe(Effect.timeoutOption(leaving), Effect.asVoid)
