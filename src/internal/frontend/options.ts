/** What frontends are told, and what is heard of their recordings, as options of a program or of a room. */
import type * as Frontend from "../../Frontend.ts"
import * as Check from "../options.ts"

export const serving = Check.struct<Frontend.Options>()({
  name: Check.text(),
  state: Check.flag({ default: true }),
  transcripts: Check.flag({ default: true }),
  packets: Check.flag({ default: true }),
  remote: Check.flag({ default: true }),
  access: Check.callback,
  instructions: Check.flag({ default: false }),
  tools: Check.flag({ default: false }),
  runTimeout: Check.duration({ default: "1 minute" }),
  to: Check.list(Check.text())
})

export const recording = Check.struct<Frontend.PreconnectOptions>()({
  wait: Check.duration({ default: "3 seconds" }),
  maxAge: Check.duration({ default: "3 seconds" })
})
