/** WAV files as servers answer with them: read when they are whole, given in the format that is wanted. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Audio from "../../Audio.ts"
import * as Failure from "../../Failure.ts"
import { fromFile } from "../audio/wav.ts"
import { fileKind } from "./pcm.ts"

const notWav = (kind: string | undefined): Failure.InvalidResponse =>
  new Failure.InvalidResponse({
    detail: kind === undefined || kind === "WAV"
      ? "the audio is not a WAV file that can be read"
      : `the audio is ${kind === "text" ? kind : `a file of ${kind}`}, and not the WAV file that was asked for`
  })

const whole = (body: Stream.Stream<Uint8Array, Failure.Reason>) =>
  Effect.map(Stream.runCollect(body), (all) => {
    const bytes = new Uint8Array(all.reduce((length, { length: more }) => length + more, 0))
    let at = 0
    for (const piece of all) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  })

// The length in the header of a streamed file is a guess, so it is read when it is whole.
export const wav = (body: Stream.Stream<Uint8Array, Failure.Reason>, format: Audio.Format) =>
  Stream.fromEffect(Effect.gen(function*() {
    const bytes = yield* whole(body)
    if (bytes.length === 0) return []
    const file = Audio.decodeWav(fromFile(bytes))
    if (Result.isFailure(file)) return yield* notWav(fileKind(bytes))
    const converter = Audio.converter({ to: format })
    return [...converter.push([file.success]), ...converter.flush()]
  })).pipe(Stream.flattenIterable)
