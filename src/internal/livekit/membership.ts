/**
 * The agent's place in a room: one connection at a time. A connection that repairs itself is waited
 * for. One that was lost for good is made again, up to the limit of attempts, and everything that
 * was opened in the room goes on with the next one. It ends once: by the agent, by the server, or
 * when it cannot be made again. Then everything is closed in a safe order and in bounded time.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { EndReason, Event, RoomError } from "../../Room.ts"
import { logOwn } from "../foreign.ts"
import { gone } from "../room/errors.ts"
import { type Connection, isRefusal, join } from "./connection.ts"
import { endOf } from "./convert.ts"
import { adopt, type Ports, register } from "./events.ts"
import type { Checked } from "./options.ts"
import type { Participants } from "./participants.ts"
import { hidden, type RtcPublication, type RtcRoom } from "./rtc.ts"

/** What the parts of the room do when the connection comes and goes. */
export interface Hooks {
  /** A room is about to be joined: handlers that must miss nothing. */
  readonly onJoining: (room: RtcRoom) => void
  readonly onJoined: (room: RtcRoom) => void
  /** The connection is lost for good, and will be made anew. */
  readonly onLost: () => void
  /** The room has been joined again: brings back what others knew of the agent. */
  readonly restore: Effect.Effect<void, RoomError>
  /** Nothing will be heard, told or asked any more. */
  readonly onEnd: () => void
  /** Takes apart what needs the connection for that. */
  readonly close: Effect.Effect<void>
}

export interface Options {
  readonly settings: Checked
  readonly participants: Participants
  readonly publish: (event: Event) => void
  /** Keys were not taken in. */
  readonly onKeysRefused: (identity: string) => void
  /** Runs beside the room, as long as it is open. */
  readonly beside: (effect: Effect.Effect<unknown, unknown>) => void
}

// How long whoever vanished in a loss of the connection may take to be seen again.
const grace = "3 seconds"
const teardown = "10 seconds"
const audioKind = 1
const videoKind = 2

/** Subscribes to what is received without being asked for. */
const subscribing = (wanted: Checked["autoSubscribe"]) => (publication: RtcPublication): void => {
  const isWanted = wanted === "audio"
    ? publication.kind === audioKind
    : wanted === "video" && publication.kind === videoKind
  if (isWanted && !publication.subscribed) publication.setSubscribed(true)
}

export class Membership {
  readonly #settings: Checked
  readonly #options: Options
  readonly #ports: Ports
  readonly #ended = Deferred.makeUnsafe<EndReason>()
  readonly #torn = Deferred.makeUnsafe<void>()
  #hooks: Hooks | undefined
  #token: Redacted.Redacted
  #room: RtcRoom | undefined
  #connection: Connection | undefined
  /** The next connection; fails when there will be none. */
  #next = Deferred.makeUnsafe<void, RoomError>()
  /** Whoever vanishes now has left. */
  #steady = false
  /** Why there is no room any more. */
  #over: string | undefined

  constructor(options: Options) {
    const { participants, publish, settings } = options
    this.#options = options
    this.#settings = settings
    this.#token = settings.token
    this.#ports = {
      participants,
      publish,
      onKeysRefused: options.onKeysRefused,
      subscribe: subscribing(settings.autoSubscribe),
      encrypted: settings.key !== undefined,
      isCurrent: (room) => room === this.#room && this.#over === undefined,
      isSteady: () => this.#steady,
      onReconnecting: () => {
        this.#steady = false
        publish({ _tag: "Connection", state: "reconnecting" })
      },
      onReconnected: () => {
        if (this.#room !== undefined) adopt(this.#room, this.#ports)
        this.#settle()
      },
      onDisconnected: (room, why) => this.#disconnected(room, why),
      onDefect: (error) =>
        options.beside(logOwn("the room could not handle an event", Cause.die(error), Effect.logWarning))
    }
  }

  /** The room that is joined, or about to be. */
  get room(): RtcRoom | undefined {
    return this.#room
  }

  /** As the server has refreshed it. */
  get token(): Redacted.Redacted {
    return this.#token
  }

  get ended(): Effect.Effect<EndReason> {
    return Deferred.await(this.#ended)
  }

  /** Why `what` cannot be done any more. */
  problem(what: string): RoomError | undefined {
    return this.#over === undefined ? undefined : gone(what, this.#over)
  }

  /** The room for `what`; waits while it is being joined again. */
  present(what: string): Effect.Effect<RtcRoom, RoomError> {
    return Effect.suspend(() => {
      const problem = this.problem(what)
      if (problem !== undefined) return Effect.fail(problem)
      if (this.#room !== undefined && this.#connection !== undefined) return Effect.succeed(this.#room)
      return Effect.andThen(Deferred.await(this.#next), this.present(what))
    })
  }

  /** Joins, once, for as long as the scope is open. */
  start(hooks: Hooks): Effect.Effect<void, RoomError, Scope.Scope> {
    this.#hooks = hooks
    return Effect.addFinalizer(() => this.leave).pipe(
      Effect.andThen(this.#persist(1, () => {})),
      Effect.andThen(Effect.sync(() => {
        this.#steady = true
        this.#options.publish({ _tag: "Connection", state: "connected" })
      }))
    )
  }

  /** Ends the room, and waits until it is taken apart. */
  get leave(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#end("left")
      return Effect.asVoid(Effect.timeoutOption(Deferred.await(this.#torn), teardown))
    })
  }

  /** Whoever was away and is not seen again soon has left. */
  #settle(): void {
    const { beside, participants, publish } = this.#options
    this.#steady = true
    publish({ _tag: "Connection", state: "connected" })
    beside(Effect.andThen(
      Effect.sleep(grace),
      Effect.sync(() => {
        if (this.#steady) participants.giveUp()
      })
    ))
  }

  #end(reason: EndReason, detail = "the room has ended"): void {
    if (this.#over !== undefined) return
    this.#over = detail
    this.#steady = false
    this.#options.publish({ _tag: "Connection", state: "disconnected" })
    this.#hooks?.onEnd()
    Deferred.doneUnsafe(this.#next, Effect.fail(gone("the connection", detail)))
    Deferred.doneUnsafe(this.#ended, Effect.succeed(reason))
    Effect.runForkWith(Context.empty())(this.#tearDown)
  }

  /** Takes everything apart, in the order that is safe. */
  get #tearDown(): Effect.Effect<unknown> {
    const last = Effect.suspend(() => {
      const connection = this.#connection
      this.#connection = undefined
      this.#room = undefined
      return connection?.close ?? Effect.void
    })
    return Effect.andThen(this.#hooks?.close ?? Effect.void, last).pipe(
      Effect.timeoutOption(teardown),
      Effect.ensuring(Effect.sync(() => Deferred.doneUnsafe(this.#torn, Effect.void)))
    )
  }

  #disconnected(room: RtcRoom, why: number): void {
    const { lost, reason } = endOf(why)
    const old = this.#connection
    if (!lost || !this.#settings.rejoin || old === undefined) return this.#end(reason)
    const refreshed = hidden(room, "token")
    if (typeof refreshed === "string") this.#token = Redacted.make(refreshed)
    this.#connection = undefined
    this.#room = undefined
    this.#steady = false
    this.#next = Deferred.makeUnsafe()
    this.#hooks?.onLost()
    this.#options.beside(old.close)
    this.#options.beside(this.#rejoin(reason))
  }

  #rejoin(reason: EndReason): Effect.Effect<void> {
    const { publish } = this.#options
    return this.#persist(1, (attempt) => publish({ _tag: "Connection", state: "rejoining", attempt })).pipe(
      Effect.andThen(Effect.suspend(() => {
        Deferred.doneUnsafe(this.#next, Effect.void)
        return this.#hooks?.restore ?? Effect.void
      })),
      Effect.match({
        onSuccess: () => {
          if (this.#over === undefined) this.#settle()
        },
        onFailure: (error) => {
          if (this.#over !== undefined) return
          // A connection that was lost in the middle of it is joined again by itself.
          if (this.#connection !== undefined) return this.#settle()
          this.#end(reason, `the connection was lost, and could not be made again: ${error.detail}`)
        }
      })
    )
  }

  /** As often as it may be tried; a refusal is not argued with. */
  #persist(attempt: number, onAttempt: (attempt: number) => void): Effect.Effect<void, RoomError> {
    const { retries, retryMs } = this.#settings
    return Effect.suspend(() => {
      onAttempt(attempt)
      return Effect.catchIf(
        this.#connect,
        (error) => attempt <= retries && !isRefusal(error) && this.#over === undefined,
        () => Effect.andThen(Effect.sleep(retryMs), this.#persist(attempt + 1, onAttempt))
      )
    })
  }

  get #connect(): Effect.Effect<void, RoomError> {
    const { autoSubscribe, captureLogs, key, maxMessageBytes, url } = this.#settings
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        restore(join({
          url,
          token: this.#token,
          everything: autoSubscribe === "all",
          key,
          maxMessageBytes,
          captureLogs,
          prepare: (room) => {
            this.#room = room
            register(room, this.#ports)
            this.#hooks?.onJoining(room)
          },
          onEncryptionFailure: (room, identity, detail) => {
            if (room === this.#room) this.#options.publish({ _tag: "EncryptionFailed", identity, detail })
          },
          onDefect: this.#ports.onDefect
        })),
        (made) => {
          // What ended while it was being joined is left again.
          const problem = this.problem("connect")
          if (problem !== undefined) return Effect.andThen(made.close, Effect.fail(problem))
          this.#connection = made
          this.#room = made.room
          adopt(made.room, this.#ports)
          this.#hooks?.onJoined(made.room)
          return Effect.void
        }
      )
    )
  }
}
