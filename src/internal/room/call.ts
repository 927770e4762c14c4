/** How far a telephone call is, from what its participant's attributes say. */
import { own } from "../own.ts"
import type { CallStatus } from "./event.ts"

/** LiveKit's own words, and statuses of SIP where it names one. */
const statuses: ReadonlyMap<string, CallStatus> = new Map<string, CallStatus>([
  ["dialing", "dialing"],
  ["ringing", "ringing"],
  ["active", "answered"],
  ["automation", "answered"],
  ["hangup", "ended"],
  ["error", "failed"]
])

const refusals: ReadonlyArray<readonly [codes: ReadonlyArray<number>, status: CallStatus]> = [
  [[486, 600], "busy"],
  [[403, 603, 607], "refused"],
  [[408, 480, 487], "unanswered"]
]

/** What the code of a call that was not taken says. */
const ofCode = (code: string | undefined): CallStatus | undefined => {
  const number = Number(code)
  if (code === undefined || !(number >= 400)) return undefined
  return refusals.find(([codes]) => codes.includes(number))?.[1] ?? "failed"
}

/** What the room says of a line, for each status: the codes are those of SIP. */
const told: Readonly<Record<CallStatus, Readonly<Record<string, string>>>> = {
  dialing: { "sip.callStatus": "dialing" },
  ringing: { "sip.callStatus": "ringing" },
  answered: { "sip.callStatus": "active" },
  ended: { "sip.callStatus": "hangup" },
  busy: { "sip.callStatus": "hangup", "sip.callStatusCode": "486" },
  refused: { "sip.callStatus": "hangup", "sip.callStatusCode": "603" },
  unanswered: { "sip.callStatus": "hangup", "sip.callStatusCode": "480" },
  failed: { "sip.callStatus": "error" }
}

export const attributesOf = (status: CallStatus): Readonly<Record<string, string>> => told[status]

/** What of them tells how far a call is: whatever else somebody says of themselves is kept nowhere. */
export const lineOf = (attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ["sip.callStatus", "sip.callStatusCode"].flatMap((name) => {
      const value = own(attributes, name)
      return value === undefined ? [] : [[name, value]]
    })
  )

export const callOf = (
  attributes: Readonly<Record<string, string>>
): { readonly call?: CallStatus } => {
  const said = statuses.get(attributes["sip.callStatus"] ?? "")
  const isOver = said === undefined || said === "ended" || said === "failed"
  const call = isOver ? ofCode(attributes["sip.callStatusCode"]) ?? said : said
  return call === undefined ? {} : { call }
}
