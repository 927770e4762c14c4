/** Speaks with a model of OpenAI that hears and speaks: a connection for each conversation, kept between its replies. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RealtimeClientEvent } from "openai/resources/realtime/realtime"
import * as Failure from "../../Failure.ts"
import { Conversation as Current } from "../llm/conversation.ts"
import type * as Llm from "../llm/model.ts"
import type { Connection } from "../provider/socket.ts"
import { type Asked, Conversation } from "./conversation.ts"
import { decode } from "./conversationEvents.ts"

/** How a model is spoken with. */
export interface Manner {
  readonly model: string
  /** Opens a connection. */
  readonly open: Effect.Effect<Connection, Failure.Reason, Scope.Scope>
  /** Said first on each. */
  readonly greeting: RealtimeClientEvent
}

/** A connection, and what the server knows by it. */
interface Line {
  readonly connection: Connection
  readonly conversation: Conversation
  readonly scope: Scope.Closeable
  readonly used: boolean
}

/** Where the line of a conversation is between two replies. */
interface Place {
  idle: Line | undefined
  /** Waits for the end of an answer that nobody wants. */
  settling: Fiber.Fiber<void> | undefined
}

/** So long an answer may go on that nobody wants (ms). */
const settleMs = 1000

const send = ({ connection }: Line, events: ReadonlyArray<RealtimeClientEvent>) =>
  Effect.forEach(events, (event) => connection.send(JSON.stringify(event)), { discard: true })

const close = ({ scope }: Line): Effect.Effect<void> => Scope.close(scope, Exit.void)

/** What comes on a line, as what the model says of the answer that was asked for. */
const hear = (line: Line): Stream.Stream<ReadonlyArray<Llm.Delta>, Failure.Reason> =>
  Stream.mapEffect(line.connection.messages, (message) =>
    typeof message !== "string"
      ? Effect.succeed([])
      : Effect.flatMap(decode(message), (event) => {
        const told = line.conversation.receive(event)
        return "_tag" in told ? Effect.fail(told) : Effect.succeed(told)
      }))

/** Reads on until the server has ended the answer that nobody wants. */
const settled = (line: Line): Effect.Effect<void, Failure.Reason> =>
  Effect.andThen(
    send(line, line.conversation.cancel()),
    Effect.suspend(() => line.conversation.isAnswering ? readOn(line) : Effect.void)
  )

const readOn = (line: Line): Effect.Effect<void, Failure.Reason> =>
  hear(line).pipe(
    Stream.mapEffect(() => send(line, line.conversation.cancel())),
    Stream.takeUntil(() => !line.conversation.isAnswering),
    Stream.runDrain
  )

const isUsable = ({ connection, conversation }: Line): boolean =>
  conversation.isSound && !conversation.isAnswering && !connection.isClosed()

/** A connection that was idle may be lost, or its session over: that is no failure of the reply. */
const isOfLine = (reason: Failure.Reason): boolean =>
  reason._tag === "Disconnected" || reason._tag === "Broken" || (reason._tag === "Rejected" && reason.status >= 500)

export const makeConversing = ({ greeting, model, open }: Manner) => {
  const places = new WeakMap<object, Place>()
  const placeOf = (conversation: object): Place => {
    const known = places.get(conversation)
    if (known !== undefined) return known
    const place: Place = { idle: undefined, settling: undefined }
    places.set(conversation, place)
    return place
  }

  /** To be asked for where nobody interrupts: only the handshake lets itself be. */
  const fresh = (owner: Scope.Scope): Effect.Effect<Line, Failure.Reason> =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(owner)
      const opening = Effect.gen(function*() {
        const connection = yield* Effect.interruptible(Scope.provide(open, scope))
        const line: Line = { connection, scope, conversation: new Conversation(model), used: false }
        yield* send(line, [greeting])
        return line
      })
      return yield* Effect.onError(opening, () => Scope.close(scope, Exit.void))
    })

  /** The line that the conversation has, where nobody uses it, or a new one. */
  const take = (place: Place, owner: Scope.Scope): Effect.Effect<Line, Failure.Reason> =>
    Effect.gen(function*() {
      for (let { settling } = place; settling !== undefined; settling = place.settling) {
        yield* Effect.interruptible(Fiber.await(settling))
        if (place.settling === settling) place.settling = undefined
      }
      const { idle } = place
      place.idle = undefined
      if (idle === undefined) return yield* fresh(owner)
      if (isUsable(idle)) return { ...idle, used: true }
      yield* close(idle)
      return yield* fresh(owner)
    })

  /** Keeps the line for the next reply, if that can use it. */
  const giveBack = (place: Place, line: Line): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (place.idle !== undefined || !isUsable(line)) return close(line)
      place.idle = line
      return Effect.void
    })

  const leave = (place: Place, line: Line, owner: Scope.Scope): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (!line.conversation.isAnswering || line.connection.isClosed()) return giveBack(place, line)
      return Effect.map(
        settled(line).pipe(
          Effect.timeoutOption(settleMs),
          Effect.ignore,
          Effect.andThen(Effect.suspend(() => giveBack(place, line))),
          Effect.interruptible,
          Effect.forkIn(owner)
        ),
        (fiber) => {
          place.settling = fiber
        }
      )
    })

  const answer = (line: Line, asked: Asked): Stream.Stream<Llm.Delta, Failure.Reason> =>
    Stream.unwrap(Effect.map(
      Effect.suspend(() => send(line, line.conversation.ask(asked))),
      () =>
        hear(line).pipe(
          Stream.takeUntil(() => !line.conversation.isAnswering),
          Stream.concat(
            Stream.fromEffectDrain(
              Effect.suspend(() =>
                line.conversation.isAnswering ? Effect.fail(new Failure.Disconnected({})) : Effect.void
              )
            )
          ),
          Stream.flattenIterable
        )
    ))

  const answerOn = (
    take: Effect.Effect<Line, Failure.Reason>,
    leave: (line: Line) => Effect.Effect<void>,
    asked: Asked
  ): Stream.Stream<Llm.Delta, Failure.Reason> =>
    Stream.unwrap(
      Effect.map(Effect.acquireRelease(take, leave), (line) =>
        Stream.catch(
          answer(line, asked),
          (reason) =>
            line.used && isOfLine(reason) && !line.conversation.hasBegun
              ? Stream.suspend(() => answerOn(take, leave, asked))
              : Stream.fail(reason)
        ))
    )

  /** Asks the model in the conversation of the request, or in one for this request alone. */
  return (asked: Asked): Stream.Stream<Llm.Delta, Failure.Reason> =>
    Stream.unwrap(Effect.gen(function*() {
      const current = yield* Current
      if (current === undefined) {
        const owner = yield* Effect.scope
        return answerOn(fresh(owner), close, asked)
      }
      const place = placeOf(current)
      return answerOn(take(place, current.scope), (line) => leave(place, line, current.scope), asked)
    }))
}
