/** Deepgram's names of reasons for which it closes: what it was sent is no audio, or it was sent nothing, or could not go on. */
import * as Failure from "../../Failure.ts"
import type { Table } from "../provider/closes.ts"

export const closing: Table = [
  [
    /\bDATA-\d+/,
    ({ code }) => new Failure.InvalidRequest({ detail: `audio: Deepgram cannot decode it (${code})` })
  ],
  [/\bINVALID_AUTH\b/, () => new Failure.Rejected({ status: 401 })],
  [/\bNET-\d+/, ({ code }) => new Failure.Disconnected({ code: String(code) })]
]
