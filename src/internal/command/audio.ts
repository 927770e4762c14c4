/** Audio as local programs write it. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { fromFile } from "../audio/wav.ts"
import { fileKind, samplesOf } from "../provider/pcm.ts"

const invalid = (detail: string) => new Failure.InvalidResponse({ detail })

const decode = (bytes: Uint8Array, written: "wav" | Audio.Format): Effect.Effect<Audio.Frame, Failure.Reason> => {
  if (written === "wav") {
    return Result.match(Audio.decodeWav(fromFile(bytes)), {
      onFailure: (error) => Effect.fail(invalid(`the program wrote no WAV file that can be read: ${error.message}`)),
      onSuccess: (frame) => Effect.succeed(frame)
    })
  }
  const kind = fileKind(bytes)
  if (kind !== undefined) {
    return Effect.fail(
      invalid(`the program wrote ${kind === "text" ? kind : `a file of ${kind}`}, and no bare samples; see audio`)
    )
  }
  const blockBytes = 2 * written.channels
  return bytes.length % blockBytes === 0
    ? Effect.succeed({ ...written, samples: samplesOf(bytes, bytes.length / 2) })
    : Effect.fail(
      invalid(`the program wrote ${bytes.length} bytes, which are not whole samples of ${blockBytes} bytes`)
    )
}

/** The audio in one format; a program that has said nothing has failed. */
export const read =
  (written: "wav" | Audio.Format, format: Audio.Format) =>
  (bytes: Uint8Array): Effect.Effect<Audio.Frame, Failure.Reason> =>
    Effect.flatMap(decode(bytes, written), (frame) => {
      if (frame.samples.length === 0) return Effect.fail(invalid("the program wrote no audio"))
      const converter = Audio.converter({ to: format })
      return Effect.succeed(Audio.concat([...converter.push([frame]), ...converter.flush()]))
    })
