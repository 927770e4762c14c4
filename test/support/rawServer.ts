/** A server of HTTP that writes what a test says, byte by byte, and no more. */
import { Effect } from "effect"
import * as Net from "node:net"

interface Serving {
  readonly url: string
  readonly server: Net.Server
  readonly sockets: Set<Net.Socket>
}

/** Answers each that has asked; its connections end with the scope. */
export const rawServer = (answer: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<Serving>((resume) => {
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer((socket) => {
        sockets.add(socket.setNoDelay(true))
        socket.on("error", () => {})
        socket.on("close", () => sockets.delete(socket))
        socket.once("data", () => answer(socket))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, server, sockets }))
      })
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
