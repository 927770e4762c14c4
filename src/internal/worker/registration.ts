/**
 * A worker's registration with its server: connects, registers, and does so again
 * when the connection is lost, until that is hopeless. Interruption closes the
 * connection.
 */
import * as Effect from "effect/Effect"
import type { Definition } from "../../Worker.ts"
import { workerToken } from "../livekitServer/token.ts"
import { monotonic } from "../steady.ts"
import { connect, type Connection } from "./connection.ts"
import { type ConnectionReason, Exhausted, WorkerError } from "./errors.ts"
import * as metrics from "./metrics.ts"
import { agentUrl, type Settings } from "./options.ts"
import type { Outgoing } from "./protocol.ts"
import { version } from "./version.ts"

/** A connection that lived for this long (ms) was a good one. */
const stable = 10_000

/** Connects, and connects again; fails when that is hopeless. */
export const stayConnected = (settings: Settings, definition: Definition<unknown>, on: {
  readonly onRegistered: (connection: Connection) => Effect.Effect<unknown>
  readonly onMessage: Parameters<typeof connect>[0]["onMessage"]
  readonly onLost: Effect.Effect<void>
}): Effect.Effect<never, WorkerError> => {
  const register: Outgoing = {
    _tag: "Register",
    type: definition.type,
    agentName: definition.agentName,
    version,
    deployment: definition.options.deployment ?? "",
    permissions: settings.grants
  }
  let everRegistered = false
  let registeredAt: number | undefined
  const once = connect({
    url: agentUrl(settings.url),
    token: workerToken(settings),
    framing: settings.framing,
    register,
    onMessage: on.onMessage,
    onRegistered: (connection, server) =>
      Effect.gen(function*() {
        everRegistered = true
        registeredAt = yield* monotonic
        yield* Effect.logInfo("the worker is registered").pipe(
          Effect.annotateLogs({ worker: connection.id, agent: definition.agentName, server: server.version })
        )
        yield* on.onRegistered(connection)
      })
  })
  const hopeless = (attempts: number, last: ConnectionReason): WorkerError | undefined =>
    last._tag === "Unauthorized"
      ? new WorkerError({ reason: last })
      : attempts > (everRegistered ? settings.reconnects : settings.retries)
      ? new WorkerError({ reason: new Exhausted({ attempts, last }) })
      : undefined
  return Effect.gen(function*() {
    let attempts = 0
    while (true) {
      registeredAt = undefined
      const reason = yield* Effect.flip(once)
      if (registeredAt !== undefined) {
        const now = yield* monotonic
        if (now - registeredAt >= stable) attempts = 0
        yield* metrics.lost
        yield* on.onLost
      }
      attempts++
      const error = hopeless(attempts, reason)
      yield* Effect.logWarning(error === undefined ? "no connection to the server" : "the server is given up").pipe(
        Effect.annotateLogs({ reason: reason.message, attempts })
      )
      if (error !== undefined) return yield* error
      yield* Effect.sleep(everRegistered ? Math.min(2000 * (attempts - 1), 10_000) : settings.retryDelay)
    }
  })
}
