/**
 * rtc-node alone, which joins rooms and leaves them again: what it leaves behind
 * each time is not ours. Prints nothing; tells how often it has joined.
 */
import { Room } from "@livekit/rtc-node"
import { AccessToken } from "livekit-server-sdk"
import { setTimeout as sleep } from "node:timers/promises"
import type { Address } from "./caller.ts"
import { watch } from "./watch.ts"

watch()
const stopping = new AbortController()

process.on("message", (message: Address | "stop") => {
  if (message === "stop") {
    stopping.abort()
    return
  }
  void (async () => {
    for (let joined = 0; !stopping.signal.aborted; joined++) {
      const token = new AccessToken(message.key, message.secret, { identity: "joiner" })
      token.addGrant({ roomJoin: true, room: `joiner-${joined}` })
      const room = new Room()
      await room.connect(message.url, await token.toJwt(), { autoSubscribe: false, dynacast: false })
      await sleep(500)
      await room.disconnect()
      process.send!({ phase: "joined", result: joined + 1 })
      await sleep(1500)
    }
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
