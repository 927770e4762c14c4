/** What is wrong with audio that came from outside: one error, which names the field. */
import * as Schema from "effect/Schema"

/**
 * What is wrong with audio that came from outside.
 *
 * **Details**
 *
 * - `InvalidFormat`: a sample rate or a channel count that no audio can have.
 * - `InvalidArgument`: a length, a level or frames that do not fit together.
 * - `InvalidWav`: bytes that are not a WAV file, or a header that contradicts itself.
 * - `UnsupportedWav`: a sound WAV file in a coding that is not read here.
 * - `FileFailed`: the file could not be read or written.
 *
 * `field` names the option or the header field; `detail` says what was found
 * and what would do.
 *
 * @category errors
 * @since 0.1.0
 */
export class AudioError extends Schema.TaggedError<AudioError>("effect-voice/Audio/AudioError")("AudioError", {
  reason: Schema.Literals(["InvalidFormat", "InvalidArgument", "InvalidWav", "UnsupportedWav", "FileFailed"]),
  field: Schema.String,
  detail: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.field}: ${this.detail}`
  }
}
