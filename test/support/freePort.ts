/**
 * A port for a program that cannot choose one itself. The system's own choice may go to any connection that is made
 * before the program listens, so it is one of those that the system gives to none by itself.
 */
import { randomInt } from "node:crypto"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { createServer } from "node:net"

const [least, most] = [10_000, 20_000]

const opened = {
  tcp: (port: number) => createServer().listen(port, "127.0.0.1"),
  udp: (port: number) => createSocket("udp4").bind(port, "127.0.0.1")
}

export const freePort = async (kind: "tcp" | "udp" = "tcp"): Promise<number> => {
  while (true) {
    const port = randomInt(least, most)
    const server = opened[kind](port)
    try {
      await once(server, "listening")
    } catch {
      // Somebody has it.
      continue
    }
    server.close()
    await once(server, "close")
    return port
  }
}
