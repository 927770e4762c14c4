/**
 * The door to `@livekit/rtc-node`, and the life of its native engine.
 *
 * The engine is one for the process. It starts with the first lease and ends
 * with the last: as long as it runs Node does not exit by itself. Ended and
 * started again, it is as good as new. Where other code of the process uses the
 * package, too, the engine is left to it.
 */
import type * as RtcNode from "@livekit/rtc-node"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { env } from "node:process"
import { RoomError } from "../../Room.ts"
import { notLoaded } from "../notLoaded.ts"

export type Rtc = typeof RtcNode
export type RtcRoom = RtcNode.Room
export type RtcParticipant = RtcNode.Participant
export type RtcRemoteParticipant = RtcNode.RemoteParticipant
export type RtcPublication = RtcNode.RemoteTrackPublication
export type RtcTrack = RtcNode.RemoteTrack

/** What the native side tells; only what is looked at here. */
export interface FfiEvent {
  readonly message: {
    readonly case?: string | undefined
    readonly value?: unknown
  }
}

type Listener = (event: FfiEvent) => unknown

/** The package's one connection with the native side, shared by all that use it. */
interface Client {
  readonly on: (event: "ffi_event", listener: Listener) => unknown
  readonly off: (event: "ffi_event", listener: Listener) => unknown
  readonly listenerCount: (event: "ffi_event") => number
}

export interface EngineOptions {
  /** Brings the native log into the process, for `onLog`. */
  readonly captureLogs: boolean
}

interface Loaded {
  readonly rtc: Rtc
  /** The native functions, whose initialisation is told whether to capture logs. */
  readonly bindings: Record<string, unknown>
}

const isRecord = (u: unknown): u is Record<string, unknown> =>
  (typeof u === "object" || typeof u === "function") && u !== null

const isRtc = (module: unknown): module is Rtc =>
  isRecord(module) && typeof module["Room"] === "function" && typeof module["AudioStream"] === "function" &&
  typeof module["dispose"] === "function"

const isClient = (u: unknown): u is Client =>
  isRecord(u) && typeof u["on"] === "function" && typeof u["off"] === "function" &&
  typeof u["listenerCount"] === "function"

const unavailable = (detail: string) => new RoomError({ reason: "Unavailable", detail })

// The package logs lines of JSON to the standard output, and offers no way to stop it.
const silence = (require: NodeJS.Require, entry: string): void => {
  const module: unknown = require(join(dirname(entry), "log.cjs"))
  const log = isRecord(module) ? module["log"] : undefined
  if (isRecord(log)) log["level"] = "silent"
}

/** What fails here only makes the package louder, or heavier. */
const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

const reach = (): Record<string, unknown> => {
  const entry = attempt(() => createRequire(import.meta.url).resolve("@livekit/rtc-node"))
  if (entry === undefined) return {}
  const require = createRequire(entry)
  attempt(() => silence(require, entry))
  const bindings: unknown = attempt(() => require("@livekit/rtc-ffi-bindings"))
  return isRecord(bindings) ? bindings : {}
}

let loaded: Loaded | undefined

const load: Effect.Effect<Loaded, RoomError> = Effect.suspend(() =>
  loaded === undefined
    ? Effect.tryPromise({
      try: () => import("@livekit/rtc-node"),
      catch: (cause) => unavailable(notLoaded("@livekit/rtc-node", cause))
    }).pipe(
      Effect.filterOrFail(
        isRtc,
        () => unavailable("the package @livekit/rtc-node is too old; install version 0.13.34 or later")
      ),
      Effect.map((rtc) => (loaded = { rtc, bindings: reach() }))
    )
    : Effect.succeed(loaded)
)

const slot = globalThis as { _ffiClientInstance?: unknown }

/** The engine's events; absent before its first use. */
export const client = (): Client | undefined => isClient(slot._ffiClientInstance) ? slot._ffiClientInstance : undefined

/**
 * Starts the engine. Its log costs 60 MB and a tenth of the processor at eight
 * rooms, so the one call that would ask for it is made not to.
 */
const start = ({ bindings, rtc }: Loaded, options: EngineOptions): void => {
  if (client() !== undefined) return
  const original = bindings["livekitInitialize"]
  if (typeof original !== "function") return
  attempt(() => {
    bindings["livekitInitialize"] = (callback: unknown, _capture: unknown, version: unknown): unknown =>
      original(callback, options.captureLogs, version)
  })
  // Not captured, the log is written to the standard error, and it quotes tokens that were refused.
  const quiet = env["RUST_LOG"] === undefined
  if (quiet) env["RUST_LOG"] = "off"
  try {
    new rtc.AudioResampler(48_000, 48_000).close()
  } finally {
    if (quiet) delete env["RUST_LOG"]
    attempt(() => {
      bindings["livekitInitialize"] = original
    })
  }
}

/** Ends the engine, unless others are listening to it. */
const stop = async (rtc: Rtc): Promise<void> => {
  const running = client()
  if (running === undefined || running.listenerCount("ffi_event") > 0) return
  // The next use makes another one.
  slot._ffiClientInstance = undefined
  await rtc.dispose()
}

let leases = 0

/** Holds the engine open until it is released. */
export interface Lease {
  readonly rtc: Rtc
  readonly release: () => Promise<void>
}

const lease = ({ rtc }: Loaded): Lease => {
  let held = true
  leases++
  return {
    rtc,
    release: async () => {
      if (!held) return
      held = false
      leases--
      if (leases === 0) await stop(rtc)
    }
  }
}

/** Loads the package and starts the engine; it runs at least until the lease is released. */
export const take = (options: EngineOptions): Effect.Effect<Lease, RoomError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(load), (loaded) =>
      Effect.try({
        try: () => {
          start(loaded, options)
          return lease(loaded)
        },
        catch: () => unavailable("the native part of @livekit/rtc-node does not start on this machine")
      }))
  )

// What the native side may take to shut down.
const disposal = "2 seconds"

/** The same for as long as a scope is open. */
export const hold = (options: EngineOptions): Effect.Effect<Rtc, RoomError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      take(options),
      ({ release }) => Effect.timeoutOption(Effect.promise(release), disposal)
    ),
    ({ rtc }) => rtc
  )

/** A member that the package's types hide. */
export const hidden = (owner: object, name: string): unknown => Reflect.get(owner, name)

export const asRecord = (u: unknown): Record<string, unknown> => isRecord(u) ? u : {}

/** Waits for a promise that cannot be aborted: who is interrupted goes at once, and what comes later is taken back. */
export const abandonable = <A>(
  start: () => Promise<A>,
  takeBack: (value: A) => Promise<unknown>
): Effect.Effect<A, unknown> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const promise = attempted(start)
      return restore(Effect.tryPromise(() => promise)).pipe(
        Effect.onInterrupt(() => Effect.sync(() => void undo(promise, takeBack)))
      )
    })
  )

const attempted = async <A>(start: () => Promise<A>): Promise<A> => start()

const undo = async <A>(promise: Promise<A>, takeBack: (value: A) => Promise<unknown>): Promise<void> => {
  try {
    await takeBack(await promise)
  } catch {
    // What never came needs no taking back, and what resists is past helping.
  }
}

// The native side quotes addresses, and an address may hold a token.
const secrets = /\b(?:wss?|https?):\/\/\S+|\beyJ[\w-]+(?:\.[\w-]+)*/g

/** What an unknown error says of itself, without addresses and tokens. */
export const saying = (error: unknown): string => Cause.isUnknownError(error) ? saying(error.cause) : told(error)

const told = (error: unknown): string =>
  (Cause.isTimeoutError(error) ? "no answer in time" : error instanceof Error ? error.message : String(error))
    .replaceAll(secrets, "…")
