/** Packages that connect by TLS alone, before stand-ins that have none. */
import { Effect } from "effect"
import net from "node:net"
import tls from "node:tls"

/** For the time of the scope, what is opened by TLS is a plain connection. */
export const plainly = Effect.acquireRelease(
  Effect.sync(() => {
    const { connect } = tls
    tls.connect = ((options: net.NetConnectOpts) => net.connect(options)) as never
    return connect
  }),
  (connect) => Effect.sync(() => void (tls.connect = connect))
)
