/**
 * How to connect to Deepgram: its key is in a header, and all connections of a layer share one
 * memory of its closes. A connection belongs to the scope that it is opened in.
 */
import * as Redacted from "effect/Redacted"
import { Closes } from "../provider/closes.ts"
import { address, speaking } from "../provider/options.ts"
import { connect } from "../provider/socket.ts"
import { closing } from "./closes.ts"

export const dialing = (apiKey: Redacted.Redacted, baseUrl: string, path: string) => {
  const headers = {
    authorization: Redacted.make(`Token ${Redacted.value(apiKey)}`, { label: "DEEPGRAM_API_KEY" })
  }
  const base = speaking("ws", baseUrl)
  const closes = new Closes(closing)
  return (query: Parameters<typeof address>[2]) => connect({ url: address(base, path, query), headers, closes })
}
