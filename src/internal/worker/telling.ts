/**
 * What a process of a pool tells its parent, over a channel that it does not own. The reports of jobs
 * wait for a parent that does not listen, as one that is stopped or debugged. Figures and spans wait
 * in bounds: newer ones come.
 */
import { longestMessage } from "./intake.ts"
import { encodeFromChild, type FromChild } from "./ipc.ts"

/** Bytes that may wait for a parent before figures and spans are left out. */
const mostUnheard = 4_194_304

interface Channel {
  readonly writable: boolean
  readonly writableLength: number
  readonly write: (text: string, sent: () => void) => unknown
}

export interface Telling {
  /** Says whether there is anybody to tell; `sent` is called when it is on its way. */
  readonly tell: (message: FromChild, sent?: () => void) => boolean
  /** The same of what may be left out: it is not told where too much waits already. */
  readonly tellInBounds: (message: FromChild, sent?: () => void) => boolean
}

/** What is too long for the parent to read, without what may be left out. */
const shortened = (message: FromChild): string | undefined => {
  const text = JSON.stringify(encodeFromChild(message))
  if (text.length < longestMessage) return text
  return message._tag === "SpanEnded" && (message.events.length > 0 || Object.keys(message.attributes).length > 0)
    ? shortened({ ...message, attributes: { shortened: true }, events: [], links: [] })
    : undefined
}

export const makeTelling = (channel: Channel): Telling => {
  const tell: Telling["tell"] = (message, sent = () => undefined) => {
    const text = channel.writable ? shortened(message) : undefined
    if (text === undefined) return false
    channel.write(`${text}\n`, sent)
    return true
  }
  return {
    tell,
    tellInBounds: (message, sent) => channel.writableLength <= mostUnheard && tell(message, sent)
  }
}
