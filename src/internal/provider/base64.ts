/** Audio within JSON. */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Failure from "../../Failure.ts"

const padded = (text: string): string => text + "=".repeat((4 - text.length % 4) % 4)

/** In the one form that is decoded. */
const usual = (audio: string): string =>
  padded(audio.replace(/^data:[^,]{0,100},/, "").replaceAll("-", "+").replaceAll("_", "/").replaceAll(/[\s=]+/g, ""))

/** Audio in base64, also without its padding, as addresses have it, in lines, or as an address of its own. */
export const decodeAudio = (audio: string): Result.Result<Uint8Array, Failure.InvalidResponse> =>
  Base64.decode(audio).pipe(
    Result.orElse(() => Base64.decode(usual(audio))),
    Result.mapError(() => new Failure.InvalidResponse({ detail: "the audio is not the base64 that was expected" }))
  )
