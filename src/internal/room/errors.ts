/** What a room refuses, in the words that all rooms share. */
import type * as Audio from "../../Audio.ts"
import { RoomError } from "../../Room.ts"

export const refuse = (reason: RoomError["reason"], detail: string): RoomError => new RoomError({ reason, detail })

/** `what` is the member of the service that was asked. */
export const unknownParticipant = (what: string, identity: string): RoomError =>
  refuse("UnknownParticipant", `${what}: no participant ${identity} in the room`)

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
