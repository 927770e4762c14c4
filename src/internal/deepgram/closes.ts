/**
 * Which failure each close of Deepgram is, by the code in its words: it could not decode the audio,
 * the key is wrong, or the network failed.
 */
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
