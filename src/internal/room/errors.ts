/** What a room refuses, in the words that all rooms share. */
import * as Schema from "effect/Schema"
import type * as Audio from "../../Audio.ts"
import { masked } from "../numbers.ts"
import { isKey } from "./keys.ts"

/**
 * What went wrong with the room.
 *
 * @category errors
 * @since 0.1.0
 */
export class RoomError extends Schema.TaggedError<RoomError>("effect-voice/Room/RoomError")("RoomError", {
  reason: Schema.Literals([
    "Unavailable",
    "ConnectFailed",
    "Disconnected",
    "UnknownParticipant",
    "PublishFailed",
    "SendFailed",
    "InvalidOption",
    "Unsupported",
    "RpcFailed",
    "FileUnreadable",
    "FileUnwritable"
  ]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

export const refuse = (reason: RoomError["reason"], detail: string): RoomError => new RoomError({ reason, detail })

/** `what` is the member of the service that was asked. */
export const unknownParticipant = (what: string, identity: string): RoomError =>
  refuse("UnknownParticipant", `${what}: no participant ${masked(identity)} in the room`)

/** What is wrong with the keys that are to be pressed; `undefined` if nothing is. */
export const wrongKeys = (keys: string): RoomError | undefined =>
  keys !== "" && [...keys].every(isKey)
    ? undefined
    : refuse("InvalidOption", "sendDtmf: digits are 0 to 9, *, # and A to D, at least one")

export const gone = (what: string, why = "the room has ended"): RoomError => refuse("Disconnected", `${what}: ${why}`)

const formatOf = ({ channels, sampleRate }: Audio.Format): string =>
  `${sampleRate} Hz and ${channels} channel${channels === 1 ? "" : "s"}`

/** The first frame that an output cannot play: it has another format. */
export const otherFormat = (frames: ReadonlyArray<Audio.Frame>, output: Audio.Format): RoomError | undefined => {
  const other = frames.find(({ channels, sampleRate }) =>
    sampleRate !== output.sampleRate || channels !== output.channels
  )
  return other && refuse(
    "InvalidOption",
    `write: the frame has ${formatOf(other)}, the output ${formatOf(output)}; convert it first`
  )
}
