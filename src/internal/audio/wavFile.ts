/** WAV files as bytes and on disk. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import type { Frame } from "../../Audio.ts"
import { AudioError } from "./error.ts"
import { checkFormat, speech } from "./format.ts"
import { join } from "./join.ts"
import { decode, encode } from "./wav.ts"

/**
 * Reads the bytes of a WAV file: PCM of 8 to 32 bits, float of 32 and 64, and
 * the μ-law and A-law of telephones, plain or extensible.
 *
 * **Details**
 *
 * Never throws. A data chunk that claims more than there is, as streamed files
 * do, is read to the last whole sample. Files of one format that are joined are
 * read as one, and so are those with sizes of 64 bits (RF64). Every other
 * contradiction is an `InvalidWav` that names the header's field, a coding that is
 * not read here an `UnsupportedWav`.
 *
 * @category wav
 * @since 0.1.0
 */
export const decodeWav = (bytes: Uint8Array): Result.Result<Frame, AudioError> => {
  const decoded = decode(bytes)
  return decoded instanceof AudioError ? Result.fail(decoded) : Result.succeed(decoded)
}

/**
 * How a WAV file is written.
 *
 * @category options
 * @since 0.1.0
 */
export interface WavOptions {
  /** 32-bit float instead of 16-bit PCM. @default false */
  readonly float?: boolean | undefined
}

/**
 * Writes frames of one format as the bytes of a WAV file; gaps are closed.
 *
 * **Details**
 *
 * Throws an `AudioError` where the formats differ or are impossible.
 *
 * @category wav
 * @since 0.1.0
 */
export const encodeWav = (
  frames: Frame | ReadonlyArray<Frame>,
  options?: WavOptions
): Uint8Array<ArrayBuffer> => {
  const frame = "samples" in frames ? frames : join(frames, speech)
  checkFormat(frame)
  return encode(frame, options?.float ?? false)
}

/**
 * Reads a WAV file.
 *
 * @category wav
 * @since 0.1.0
 */
export const readWav: (path: string) => Effect.Effect<Frame, AudioError, FileSystem.FileSystem> = Effect.fn(
  "Audio.readWav"
)(function*(path: string) {
  const files = yield* FileSystem.FileSystem
  // A pipe that nobody writes to would hold a thread of the process for ever.
  const { size, type } = yield* Effect.mapError(files.stat(path), fileFailed("read", path))
  if (type !== "File") return yield* unread(path, "it is no regular file")
  if (ByteSize.toBigInt(size) > largestFile) return yield* unread(path, `it has more than ${largestFile} bytes`)
  const bytes = yield* Effect.mapError(files.readFile(path), fileFailed("read", path))
  return yield* Effect.fromResult(decodeWav(bytes))
})

/**
 * Writes frames of one format to a WAV file, replacing what is there.
 *
 * @category wav
 * @since 0.1.0
 */
export const writeWav: (
  path: string,
  frames: Frame | ReadonlyArray<Frame>,
  options?: WavOptions
) => Effect.Effect<void, AudioError, FileSystem.FileSystem> = Effect.fn("Audio.writeWav")(
  function*(path: string, frames: Frame | ReadonlyArray<Frame>, options?: WavOptions) {
    const files = yield* FileSystem.FileSystem
    const bytes = yield* Effect.try({
      try: () => encodeWav(frames, options),
      catch: (error) =>
        error instanceof AudioError ? error : new AudioError({
          reason: "InvalidArgument",
          field: "frames",
          detail: "the frames cannot be encoded",
          cause: error
        })
    })
    yield* Effect.mapError(files.writeFile(path, bytes), fileFailed("written", path))
  }
)

// Hours of audio (bytes).
const largestFile = 512 * 1024 * 1024

const unread = (path: string, why: string): AudioError =>
  new AudioError({ reason: "FileFailed", field: "path", detail: `${path} cannot be read: ${why}` })

const fileFailed = (verb: "read" | "written", path: string) => (cause: PlatformError): AudioError =>
  new AudioError({
    reason: "FileFailed",
    field: "path",
    detail: `${path} cannot be ${verb} (${cause.reason._tag})`,
    cause
  })
