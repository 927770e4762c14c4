/** The agent's state as an attribute of the agent. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Room from "../../Room.ts"
import { attributes } from "./protocolNames.ts"
import { follow, makeTry } from "./sessionListener.ts"

const patience = 1000

/** Shows the newest state; one that is over before the room could take it is skipped. */
export const showState = (
  session: Room.Conversation,
  name: string
): Effect.Effect<void, never, Room.Room | Scope.Scope> =>
  Effect.gen(function*() {
    const room = yield* Room.Room
    const attempt = makeTry("the agent's state")
    const states = yield* Queue.sliding<string, Cause.Done>(1)
    let shown: string | undefined
    yield* Effect.acquireRelease(
      Effect.forkDetach(
        Stream.runForEach(Stream.rechunk(Stream.fromQueue(states), 1), (state) => {
          if (state === shown) return Effect.void
          const first = shown === undefined
          shown = state
          return attempt(room.setAttributes({
            [attributes.state]: state,
            ...(first ? { [attributes.name]: name } : {})
          }))
        }),
        { startImmediately: true }
      ),
      (fiber) =>
        Effect.gen(function*() {
          Queue.offerUnsafe(states, "idle")
          Queue.endUnsafe(states)
          yield* Effect.timeoutOption(Fiber.await(fiber), patience)
          yield* Fiber.interrupt(fiber)
        })
    )
    yield* follow(session, (events) =>
      Effect.sync(() => {
        for (const event of events) if (event._tag === "AgentStateChanged") Queue.offerUnsafe(states, event.to)
      }))
    Queue.offerUnsafe(states, (yield* session.state).agent)
  })
