/**
 * Speech of a provider that takes text as it comes, on a connection. The scope of the stream owns the connection, and ends
 * what feeds it.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tts from "../../Tts.ts"
import { spoken } from "./pieces.ts"

export type Out<E> = Queue.Queue<Tts.Chunk, E | Tts.TtsError | Cause.Done>

/** What takes the text of one speech. */
export interface Fed {
  readonly say: (piece: string) => Effect.Effect<void, Tts.TtsError>
  /** There is no more text. */
  readonly finish: Effect.Effect<unknown, Tts.TtsError>
}

/** So many chunks wait for the listener; what `begin` makes gives them, and ends them. */
export const fed = <E, R>(
  text: Stream.Stream<string, E, R>,
  mostUnheard: number,
  begin: (out: Out<E>, scope: Scope.Scope) => Fed
): Stream.Stream<Tts.Chunk, E | Tts.TtsError, R> =>
  Stream.unwrap(Effect.gen(function*() {
    const out: Out<E> = yield* Queue.bounded<Tts.Chunk, E | Tts.TtsError | Cause.Done>(mostUnheard)
    const { finish, say } = begin(out, yield* Effect.scope)
    const run = Stream.runForEach(spoken(text), say).pipe(
      Effect.andThen(finish),
      Effect.catchCause((cause) => Queue.failCause(out, cause))
    )
    yield* Effect.forkScoped(run)
    return Stream.fromQueue(out)
  }))
