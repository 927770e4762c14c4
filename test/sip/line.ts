/** A telephone (baresip), the gateway between SIP and LiveKit, and one who takes no call: each a process or socket of its own. */
import { Effect, type Scope } from "effect"
import { Audio } from "effect-voice"
import { type ChildProcess, spawn } from "node:child_process"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { recording } from "../fixtures/speech.ts"
import { livekit, until } from "../livekit/support/people.ts"
import { freePort } from "../support/freePort.ts"
import { python } from "./parts.ts"

/** The caller's number, which is to be found nowhere that somebody reads. */
export const number = "+15551234567"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const process_ = (program: string, args: ReadonlyArray<string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] })),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, "exit")
        child.kill("SIGKILL")
        await ended
      })
  )

export interface Told {
  readonly event: string
  readonly room?: string
  readonly identity?: string
  readonly by?: string
  readonly digit?: string
  readonly digits?: string
}

export interface Gateway {
  readonly port: number
  readonly told: ReadonlyArray<Told>
  readonly tells: (event: string) => Effect.Effect<Told>
  /** Calls a number at a port, with a participant in a room. */
  readonly dials: (room: string, port: number) => Effect.Effect<void>
  /** Sends all keys of a caller in one packet. */
  readonly sends: (room: string, digits: string) => Effect.Effect<void>
}

let gateways = 0

/** A gateway that calls an agent for whoever rings; `atOnce`: the line is answered before an agent is there. */
export const gateway = (agent: string, atOnce = false): Effect.Effect<Gateway, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(() => freePort())
    const media = 20_000 + 200 * (process.pid % 100) + 40 * (gateways % 5)
    const { key, secret, url } = livekit!
    const config = {
      agent,
      atOnce,
      key,
      port,
      rtp: [media, media + 38],
      run: `${process.pid}-${++gateways}`,
      secret,
      url
    }
    const child = yield* process_(python, [here("gateway.py"), JSON.stringify(config)])
    const told: Array<Told> = []
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (line.startsWith("{")) told.push(JSON.parse(line) as Told)
    })
    const tells = (event: string): Effect.Effect<Told> =>
      Effect.map(until(() => told.some((one) => one.event === event)), () => told.find((one) => one.event === event)!)
    const asks = (command: object) => Effect.sync(() => void child.stdin!.write(`${JSON.stringify(command)}\n`))
    yield* tells("up")
    return {
      port,
      told,
      tells,
      dials: (room, to) => asks({ do: "dial", number, room, port: to }),
      sends: (room, digits) => asks({ do: "packet", room, digits })
    }
  })

export interface Phone {
  readonly port: number
  /** Kinds of what has happened to its calls, such as `CALL_ESTABLISHED`. */
  readonly told: ReadonlyArray<{ readonly type: string; readonly param: string }>
  readonly tells: (type: string) => Effect.Effect<void>
  readonly dials: (port: number) => Effect.Effect<void>
  readonly presses: (keys: string) => Effect.Effect<void>
  readonly accepts: Effect.Effect<void>
  readonly hangsUp: Effect.Effect<void>
}

const telephone: Audio.Format = { sampleRate: 8000, channels: 1 }

const question = (): Audio.Frame => {
  const converter = Audio.converter({ to: telephone })
  return Audio.concat([...converter.push([recording("weather_question.wav")]), ...converter.flush()])
}

/** What the telephone says: nothing for a while, the question, and nothing for longer than any test. */
const saying = Audio.concat([Audio.silence("4 seconds", telephone), question(), Audio.silence("40 seconds", telephone)])

const settings = (port: number, control: number, media: number, folder: string): string =>
  [
    "poll_method epoll",
    `sip_listen 127.0.0.1:${port}`,
    "sip_trans_def udp",
    "net_interface 127.0.0.1",
    "call_max_calls 4",
    `audio_source aufile,${join(folder, "say.wav")}`,
    `audio_player aufile,${join(folder, "heard.wav")}`,
    `audio_alert aufile,${join(folder, "alert.wav")}`,
    "ausrc_srate 8000",
    "auplay_srate 8000",
    "ausrc_channels 1",
    "auplay_channels 1",
    `rtp_ports ${media}-${media + 40}`,
    "module_path /usr/lib/baresip/modules",
    ...["stdio", "g711", "aufile"].map((name) => `module ${name}.so`),
    ...["uuid", "account"].map((name) => `module_tmp ${name}.so`),
    ...["menu", "debug_cmd", "ctrl_tcp"].map((name) => `module_app ${name}.so`),
    `ctrl_tcp_listen 127.0.0.1:${control}`,
    ""
  ].join("\n")

/** The messages of baresip's control port: netstrings of JSON. */
const readNetstrings = (socket: Socket, take: (message: string) => void): void => {
  let rest = Buffer.alloc(0)
  socket.on("data", (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    while (true) {
      const colon = rest.indexOf(":")
      if (colon < 0) return
      const end = colon + 1 + Number(rest.subarray(0, colon).toString())
      if (rest.length <= end) return
      take(rest.subarray(colon + 1, end).toString())
      rest = rest.subarray(end + 1)
    }
  })
}

const controlled = (port: number): Effect.Effect<Socket, never, Scope.Scope> => {
  const open = Effect.callback<Socket | undefined>((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => resume(Effect.succeed(socket)))
    socket.once("error", () => resume(Effect.succeed(undefined)))
  })
  const again: Effect.Effect<Socket> = Effect.flatMap(
    open,
    (socket) => socket === undefined ? Effect.andThen(Effect.sleep(50), again) : Effect.succeed(socket)
  )
  return Effect.acquireRelease(again, (socket) => Effect.sync(() => socket.destroy()))
}

/** A telephone that speaks a recording, and takes a call when it is told to. */
export const phone: Effect.Effect<Phone, never, Scope.Scope> = Effect.gen(function*() {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-phone-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const port = yield* Effect.promise(() => freePort())
  const control = yield* Effect.promise(() => freePort())
  writeFileSync(join(folder, "say.wav"), Audio.encodeWav(saying))
  writeFileSync(join(folder, "config"), settings(port, control, 30_000 + 100 * (process.pid % 100), folder))
  writeFileSync(
    join(folder, "accounts"),
    `<sip:${number}@127.0.0.1:${port};transport=udp>;regint=0;audio_codecs=PCMU;dtmfmode=rtpevent;answermode=manual\n`
  )
  writeFileSync(join(folder, "contacts"), "")
  const child = yield* process_("baresip", ["-f", folder])
  child.stdout!.resume()
  const socket = yield* controlled(control)
  const told: Array<{ readonly type: string; readonly param: string }> = []
  readNetstrings(socket, (message) => {
    const { event, param, type } = JSON.parse(message) as { event?: boolean; type?: string; param?: string }
    if (event === true) told.push({ type: type ?? "", param: param ?? "" })
  })
  const command = (name: string, params = "") =>
    Effect.sync(() => {
      const message = JSON.stringify({ command: name, params, token: "t" })
      socket.write(`${Buffer.byteLength(message)}:${message},`)
    })
  const press = (key: string) => Effect.andThen(command("sndcode", key), Effect.sleep(300))
  return {
    port,
    told,
    tells: (type) => until(() => told.some((one) => one.type === type)),
    dials: (to) => command("dial", `sip:desk@127.0.0.1:${to}`),
    presses: (keys) => Effect.forEach([...keys], press, { discard: true }),
    accepts: command("accept"),
    hangsUp: command("hangup")
  }
})

/** Whoever is called here rings, and takes no call. */
export interface Unwilling {
  readonly port: number
  /** Answers with a code of SIP. */
  readonly refuses: Effect.Effect<void>
}

export const unwilling = (code: number): Effect.Effect<Unwilling, never, Scope.Scope> =>
  Effect.gen(function*() {
    const socket = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const opened = createSocket("udp4").bind(0, "127.0.0.1")
        await once(opened, "listening")
        return opened
      }),
      (opened) => Effect.sync(() => opened.close())
    )
    let refuse = (): void => {}
    socket.on("message", (data, { address, port }) => {
      const lines = data.toString().split("\r\n")
      if (!lines[0]!.startsWith("INVITE ")) return
      const kept = lines.filter((line) => /^(?:via|from|call-id|cseq):/i.test(line))
      const to = lines.find((line) => /^to:/i.test(line)) ?? "To: <sip:x>"
      const answer = (status: string): void => {
        const head = [`SIP/2.0 ${status}`, ...kept, `${to};tag=t1`, "Content-Length: 0", "", ""]
        socket.send(head.join("\r\n"), port, address)
      }
      answer("180 Ringing")
      refuse = () => answer(`${code} No`)
    })
    return { port: socket.address().port, refuses: Effect.sync(() => refuse()) }
  })
