/**
 * The room for programs without Effect: what a tool or a hook sends to a page, and what a page asks. A method that is
 * handled here is handled until the session ends.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { problem } from "./options.ts"
import type { RoomError } from "./room/errors.ts"
import type { TextOptions } from "./room/messages.ts"

/**
 * The room of the conversation for plain functions: `Room` with promises. A failure rejects the promise.
 *
 * @category plain functions
 * @since 0.1.0
 */
export interface PlainRoom {
  readonly name: string
  /** Sends a text to those in the room, such as to the caller's page. */
  readonly sendText: (options: TextOptions & { readonly text: string }) => Promise<void>
  /** Presses keys of a telephone, for a menu that asks for them. */
  readonly sendDtmf: (digits: string) => Promise<void>
  /** Calls a method of somebody's page, and gives its answer. */
  readonly call: (options: {
    readonly identity: string
    readonly method: string
    readonly payload: string
    /** @default "15 seconds" */
    readonly timeout?: Duration.Input | undefined
  }) => Promise<string>
  /** Answers when a page calls this method, until the session ends. If the handler throws, the page is told that it failed. */
  readonly handle: (
    method: string,
    handler: (call: { readonly identity: string; readonly payload: string }) => Promise<string> | string
  ) => Promise<void>
}

/** What a room has of these, as effects. */
interface Rooms {
  readonly name: string
  readonly sendText: (options: TextOptions & { readonly text: string }) => Effect.Effect<void, RoomError>
  readonly sendDtmf: (digits: string) => Effect.Effect<void, RoomError>
  readonly call: (options: Parameters<PlainRoom["call"]>[0]) => Effect.Effect<string, RoomError>
  readonly handle: (
    method: string,
    handler: (call: { readonly identity: string; readonly payload: string }) => Effect.Effect<string, RoomError>
  ) => Effect.Effect<void, RoomError, Scope.Scope>
}

const problemOf = (given: unknown): string | undefined =>
  typeof given === "string" ? undefined : "must give a text, which the page gets as the answer"

/** The room among these services, by its name: what a room is lies above this. */
export const plainRoom = (
  context: Context.Context<never>,
  ended: Effect.Effect<unknown>,
  run: <A>(effect: Effect.Effect<A, unknown>) => Promise<A>,
  /** What a plain function gives. */
  settled: (
    name: string,
    ask: () => Promise<string> | string,
    wrong: (given: unknown) => string | undefined
  ) => Effect.Effect<string, unknown>
): PlainRoom => {
  const room = Context.getUnsafe(context, Context.Service<Rooms>("effect-voice/Room"))
  return {
    name: room.name,
    sendText: (options) => run(room.sendText(options)),
    sendDtmf: (digits) => run(room.sendDtmf(digits)),
    call: (options) => run(room.call(options)),
    handle: (method, handler) =>
      run(Effect.gen(function*() {
        if (typeof handler !== "function") {
          return yield* problem("handler", "must be a function, which may be async, and gives a text")
        }
        const scope = yield* Scope.make()
        yield* room.handle(method, (call) => Effect.orDie(settled(method, () => handler(call), problemOf))).pipe(
          Scope.provide(scope),
          Effect.onError(() => Scope.close(scope, Exit.void))
        )
        yield* Effect.forkDetach(Effect.ensuring(ended, Scope.close(scope, Exit.void)))
      }))
  }
}
