import { Effect, type Redacted } from "effect"
import { Audio } from "effect-voice"
import { request } from "node:http"
import { WebSocket } from "ws"
import { sign } from "../../src/internal/telephone/signature.ts"

/** The carrier's side of one number: it calls, speaks and plays in real time, as the carrier does. */
export interface Carrier {
  readonly token: Redacted.Redacted
  readonly url: string
  readonly port: number
}

export interface Answer {
  readonly status: number
  readonly body: string
}

export const post = (
  port: number,
  path: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>
) =>
  Effect.callback<Answer>((resume) => {
    const body = new URLSearchParams(form).toString()
    const sent = request({
      host: "127.0.0.1",
      port,
      path,
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(body),
        ...headers
      }
    }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (part: string) => void (text += part))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, body: text })))
    })
    sent.on("error", (error) => resume(Effect.die(error)))
    sent.end(body)
  })

export const announce = (
  { port, token, url }: Carrier,
  form: Readonly<Record<string, string>>,
  signature?: string
): Effect.Effect<Answer> =>
  post(port, new URL(url).pathname, form, {
    "x-twilio-signature": signature ?? sign(token, url, Object.entries(form))
  })

/** What the markup says of the stream. */
export const streamOf = (markup: string) => ({
  url: /<Stream url="([^"]*)"/.exec(markup)?.[1],
  parameters: Object.fromEntries(
    Array.from(markup.matchAll(/<Parameter name="([^"]*)" value="([^"]*)"/g), ([, name, value]) => [name!, value!])
  )
})

const silent = new Int16Array(160)
const isLoud = (samples: Int16Array): boolean => Audio.rms({ samples, sampleRate: 8000, channels: 1 }) > 0.01

interface Piece {
  readonly bytes: number
  readonly samples: Int16Array
  /** Ms since the stream began; how much waited to be played when it came. */
  readonly at: number
  readonly ahead: number
}

export class Line {
  readonly pieces: Array<Piece> = []
  readonly clears: Array<number> = []
  readonly marks: Array<string> = []
  /** By how much this process has been late (ms): no time that is told here is more exact. */
  stall = 0
  closed: number | undefined
  /** Milliseconds of the agent that were played to the caller, and when the last of it was. */
  playedMs = 0
  /** When the last of what was said, and is no silence, was sent. */
  spokeAt = 0
  /** When the first piece of the agent that is no silence was played after `listenFrom`, and the last. */
  listenFrom = 0
  firstLoudAt: number | undefined
  lastLoudAt = 0
  lastPlayedAt = 0
  /** What was played, a piece each 20 ms. */
  readonly heard: Array<{ readonly tick: number; readonly loud: boolean }> = []
  readonly #socket: WebSocket
  readonly #streamSid: string
  readonly #queue: Array<Int16Array | string> = []
  readonly #speech: Array<Int16Array> = []
  readonly #watchers = new Set<() => void>()
  readonly #began = performance.now()
  #timer: ReturnType<typeof setTimeout> | undefined
  #sequence = 1
  #chunk = 0
  #ticks = 0

  constructor(socket: WebSocket, streamSid: string) {
    this.#socket = socket
    this.#streamSid = streamSid
    socket.on("message", (data: Buffer) => this.#receive(JSON.parse(data.toString())))
    socket.on("close", (code) => {
      this.closed = code
      clearTimeout(this.#timer)
      this.#tell()
    })
    socket.on("error", () => {})
  }

  get now(): number {
    return performance.now() - this.#began
  }

  start(callSid: string, parameters: Readonly<Record<string, string>>, format: object = {}): void {
    this.send({ event: "connected", protocol: "Call", version: "1.0.0" })
    this.send({
      event: "start",
      sequenceNumber: "1",
      start: {
        accountSid: "AC1",
        streamSid: this.#streamSid,
        callSid,
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1, ...format },
        customParameters: parameters
      },
      streamSid: this.#streamSid
    })
    this.#tick()
  }

  pings(): void {
    if (this.#socket.readyState === 1) this.#socket.ping()
  }

  send(message: object): void {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(message))
  }

  raw(text: string | Buffer): void {
    this.#socket.send(text)
  }

  /** Says something, in pieces of 20 ms, behind what is being said. */
  say(frame: Audio.Frame): void {
    for (let at = 0; at < frame.samples.length; at += 160) {
      const piece = new Int16Array(160)
      piece.set(frame.samples.subarray(at, at + 160))
      this.#speech.push(piece)
    }
  }

  key(digit: string): void {
    this.send({
      event: "dtmf",
      streamSid: this.#streamSid,
      sequenceNumber: this.#next(),
      dtmf: { track: "inbound_track", digit }
    })
  }

  /** What it says has been said. */
  get isSilent(): boolean {
    return this.#speech.length === 0
  }

  /** Pieces that the network of the caller loses. */
  lose(pieces: number): void {
    this.#chunk += pieces
  }

  hangUp(): void {
    this.send({ event: "stop", sequenceNumber: this.#next(), streamSid: this.#streamSid, stop: { callSid: "" } })
    this.#socket.close()
  }

  cut(): void {
    this.#socket.terminate()
  }

  until(what: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const look = (): void => {
        if (!what()) return
        this.#watchers.delete(look)
        resume(Effect.void)
      }
      this.#watchers.add(look)
      look()
    }).pipe(Effect.timeout("15 seconds"), Effect.orDie)
  }

  #tell(): void {
    for (const look of this.#watchers) look()
  }

  #next(): string {
    return String(++this.#sequence)
  }

  #receive(message: { event: string; media?: { payload: string }; mark?: { name: string }; streamSid: string }): void {
    if (message.streamSid !== this.#streamSid) throw new Error("a message of another stream")
    if (message.event === "media") {
      const bytes = Buffer.from(message.media!.payload, "base64")
      const waiting = this.#queue.filter((item) => typeof item !== "string").length * 20
      this.pieces.push({ bytes: bytes.length, samples: Audio.decodeMulaw(bytes), at: this.now, ahead: waiting })
      this.#queue.push(Audio.decodeMulaw(bytes))
    } else if (message.event === "mark") {
      if (this.#queue.length === 0) this.#mark(message.mark!.name)
      else this.#queue.push(message.mark!.name)
    } else if (message.event === "clear") {
      this.clears.push(this.now)
      for (const item of this.#queue.splice(0)) if (typeof item === "string") this.#mark(item)
    } else throw new Error(`what is ${message.event}?`)
    this.#tell()
  }

  #mark(name: string): void {
    this.marks.push(name)
    this.send({ event: "mark", sequenceNumber: this.#next(), streamSid: this.#streamSid, mark: { name } })
  }

  #tick(): void {
    this.stall = Math.max(this.stall, this.now - this.#ticks * 20)
    const due = ++this.#ticks * 20
    this.#play()
    const samples = this.#speech.shift() ?? silent
    if (samples !== silent && isLoud(samples)) this.spokeAt = this.now
    this.send({
      event: "media",
      sequenceNumber: this.#next(),
      streamSid: this.#streamSid,
      media: {
        track: "inbound",
        chunk: String(++this.#chunk),
        timestamp: String((this.#chunk - 1) * 20),
        payload: Buffer.from(Audio.encodeMulaw(samples)).toString("base64")
      }
    })
    this.#tell()
    // A carrier plays in real time. @effect-diagnostics-next-line globalTimers:off
    if (this.closed === undefined) this.#timer = setTimeout(() => this.#tick(), Math.max(0, due - this.now))
  }

  #play(): void {
    const piece = this.#queue.shift()
    if (typeof piece === "string") return this.#mark(piece), this.#play()
    if (piece === undefined) return
    this.playedMs += piece.length / 8
    this.lastPlayedAt = this.now
    const loud = isLoud(piece)
    if (loud) {
      this.lastLoudAt = this.now
      if (this.lastLoudAt > this.listenFrom) this.firstLoudAt ??= this.lastLoudAt
    }
    this.heard.push({ tick: this.#ticks, loud })
    while (typeof this.#queue[0] === "string") this.#mark(this.#queue.shift() as string)
  }
}

/** Opens a socket for a stream; it is cut at the end of the scope. */
export const open = ({ port, url }: Carrier, options: {
  readonly streamSid?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
} = {}) =>
  Effect.acquireRelease(
    Effect.callback<Line, string>((resume) => {
      const path = options.path ?? `${new URL(url).pathname}/stream`
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: options.headers ?? {} })
      socket.once("open", () => resume(Effect.succeed(new Line(socket, options.streamSid ?? "MZ1"))))
      socket.once("error", (error) => resume(Effect.fail(error.message)))
    }),
    (line) => Effect.sync(() => line.cut())
  )

let calls = 0

/** A whole call: announced, answered and streaming. */
export const call = (carrier: Carrier, options: { readonly from?: string; readonly id?: string } = {}) =>
  Effect.gen(function*() {
    const id = options.id ?? `CA${++calls}`
    const answer = yield* announce(carrier, {
      CallSid: id,
      AccountSid: "AC1",
      From: options.from ?? "+15550001111",
      To: "+15552220000",
      Direction: "inbound"
    })
    const { parameters, url } = streamOf(answer.body)
    if (url === undefined) return yield* Effect.die(new Error(`no stream: ${answer.status} ${answer.body}`))
    const line = yield* open(carrier, { streamSid: `MZ-${id}`, path: new URL(url).pathname })
    line.start(id, parameters)
    return { line, id, parameters }
  })
