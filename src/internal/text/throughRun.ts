/** A run over a stream of text: what it gives of each chunk, and of the end of a stream that succeeded. */
import * as Stream from "effect/Stream"

/** The end of a stream that succeeded: `onHalt` alone runs after a failure, too. */
const finished = Symbol.for("effect-voice/Text/finished")

export const throughRun = <E, R>(
  self: Stream.Stream<string, E, R>,
  open: () => {
    readonly push: (chunk: string) => ReadonlyArray<string>
    readonly end: () => ReadonlyArray<string>
  }
): Stream.Stream<string, E, R> =>
  Stream.concat(self, Stream.succeed<typeof finished>(finished)).pipe(
    Stream.mapAccumArray(open, (run, chunks) => {
      const out: Array<string> = []
      for (const chunk of chunks) {
        for (const piece of chunk === finished ? run.end() : run.push(chunk)) {
          out.push(piece)
        }
      }
      return [run, out]
    })
  )
