/** Text as providers send it: a sequence of bytes that is no UTF-8 is a failure, not a question mark. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"

const malformed = new Failure.InvalidResponse({ detail: "the text is not UTF-8, or ends in the middle of a character" })

/** The text of a stream of bytes, however they are cut. */
export const decode = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<string, E | Failure.InvalidResponse, R> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    const step = (piece?: Uint8Array) =>
      Effect.try({
        try: () => decoder.decode(piece, { stream: piece !== undefined }),
        catch: () => malformed
      })
    return Stream.mapEffect(bytes, step).pipe(
      Stream.concat(Stream.fromEffect(Effect.suspend(step))),
      Stream.filter((text) => text !== "")
    )
  })

/** The text of all the bytes. */
export const text = (bytes: Uint8Array): Effect.Effect<string, Failure.InvalidResponse> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => malformed
  })
