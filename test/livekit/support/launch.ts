/** A LiveKit server on loopback, in a process of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { env } from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "../../support/freePort.ts"

export interface Server {
  readonly url: string
  readonly key: string
  readonly secret: string
  /** Absent where the server is not ours. */
  readonly process?: ChildProcess | undefined
  readonly stop: () => Promise<void>
}

const key = "devkey"
const secret = "secret-at-least-thirty-two-characters"

/** The server's program: named by `LIVEKIT_SERVER_BIN`, on the PATH, or where `go install` puts it. */
export const findServer = (): string | undefined => {
  const named = env["LIVEKIT_SERVER_BIN"]
  if (named !== undefined && named !== "") return named
  const found = (env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "livekit-server")).find(
    existsSync
  )
  if (found !== undefined) return found
  try {
    const installed = join(execFileSync("go", ["env", "GOPATH"], { encoding: "utf8" }).trim(), "bin", "server")
    return existsSync(installed) ? installed : undefined
  } catch {
    return undefined
  }
}

/** Loopback only: one TCP and one UDP port, nothing that others could reach. */
const config = (port: number, udp: number): string =>
  JSON.stringify({
    port,
    bind_addresses: ["127.0.0.1"],
    keys: { [key]: secret },
    rtc: {
      udp_port: udp,
      tcp_port: 0,
      use_external_ip: false,
      node_ip: "127.0.0.1",
      enable_loopback_candidate: true,
      ips: { includes: ["127.0.0.1/32"] }
    },
    room: { empty_timeout: 30, departure_timeout: 2 },
    logging: { level: "error" }
  })

/** Waits until it answers, or has ended. */
const ready = async (url: string, child: ChildProcess): Promise<void> => {
  while (true) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the LiveKit server ended with ${child.signalCode ?? child.exitCode}`)
    }
    try {
      if ((await fetch(url)).ok) return
    } catch {
      // Not yet.
    }
    await sleep(50)
  }
}

/** Starts a server; the ports of an earlier one can be given, to start it again. */
export const launch = async (
  ports?: { readonly port: number; readonly udp: number }
): Promise<
  Server & { readonly process: ChildProcess; readonly ports: { readonly port: number; readonly udp: number } }
> => {
  const program = findServer()
  if (program === undefined) throw new Error("no LiveKit server was found")
  const { port, udp } = ports ?? { port: await freePort(), udp: await freePort("udp") }
  const child = spawn(program, ["--config-body", config(port, udp)], { stdio: "ignore" })
  // Who ends without stopping it must not leave it behind.
  const abandon = () => void child.kill("SIGKILL")
  process.once("exit", abandon)
  child.once("exit", () => process.off("exit", abandon))
  const url = `http://127.0.0.1:${port}`
  await ready(url, child)
  return {
    url: url.replace("http", "ws"),
    key,
    secret,
    process: child,
    ports: { port, udp },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, "exit")
      child.kill("SIGKILL")
      await ended
    }
  }
}
