/** A LiveKit server as workers see it: `/agent` only, over loopback or in memory. */
import {
  Job,
  JobAssignment,
  type JobStatus,
  ParticipantInfo,
  Room,
  ServerMessage,
  type UpdateWorkerStatus,
  WorkerMessage
} from "@livekit/protocol"
import { type Context, Deferred, Effect, Queue, Redacted } from "effect"
import type { Socket } from "effect/socket"
import { jwtVerify } from "jose"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"

export const apiKey = "devkey"
export const apiSecret = "secret-at-least-thirty-two-characters"

export const credentials = { apiKey: Redacted.make(apiKey), apiSecret: Redacted.make(apiSecret) }

type Message = WorkerMessage["message"]
type Case = Exclude<Message["case"], undefined>
type ValueOf<C extends Case> = Extract<Message, { case: C }>["value"]

/** One connection of a worker. */
export interface Connection {
  readonly id: string
  readonly url: string
  readonly authorization: string
  readonly send: (message: ServerMessage["message"]) => void
  readonly sendRaw: (data: Uint8Array | string) => void
  /** The next message of a kind; the others before it are kept for those who ask for them. */
  readonly take: <C extends Case>(kind: C) => Effect.Effect<ValueOf<C>>
  /** Messages of a kind that have come and were not taken. */
  readonly seen: <C extends Case>(kind: C) => ReadonlyArray<ValueOf<C>>
  readonly offer: (job: Job) => void
  readonly assign: (job: Job, token?: string, url?: string) => void
  /** Offers a job and assigns it if the worker takes it. */
  readonly dispatch: (job: Job, at?: { readonly url: string }) => Effect.Effect<boolean>
  readonly terminate: (jobId: string) => void
  /** Ends the connection without a close frame, as a server that drains does. */
  readonly drop: () => void
  readonly closed: Effect.Effect<number>
  readonly isText: () => boolean
}

export interface Options {
  /** @default "answer" */
  readonly register?: "answer" | "silent" | "refuse" | "wrong" | undefined
  /** Whether it answers pings. @default always */
  readonly pong?: (() => boolean) | undefined
  /** Refuses the handshake. */
  readonly status?: (() => number | undefined) | undefined
}

export interface AgentServer {
  readonly url: string
  readonly next: Effect.Effect<Connection>
  readonly dials: () => number
  readonly ctor: Context.Service.Shape<typeof Socket.WebSocketConstructor> | undefined
}

export const makeJob = (id: string, options: {
  readonly room?: string | undefined
  readonly metadata?: string | undefined
  readonly participant?: string | undefined
  readonly agentName?: string | undefined
} = {}): Job =>
  new Job({
    id,
    dispatchId: `AD_${id}`,
    room: new Room({ name: options.room ?? `room-${id}`, sid: `RM_${id}` }),
    metadata: options.metadata ?? "",
    agentName: options.agentName ?? "",
    ...(options.participant === undefined
      ? {}
      : { type: 1, participant: new ParticipantInfo({ identity: options.participant }) })
  })

interface Wire {
  readonly send: (data: Uint8Array | string) => void
  readonly drop: () => void
}

const makeConnection = (options: Options, id: string, url: string, authorization: string, wire: Wire) => {
  const inbox: Array<Message> = []
  const waiting: Array<{ readonly kind: Case; readonly found: Deferred.Deferred<Message> }> = []
  const closed = Deferred.makeUnsafe<number>()
  let text = false
  const sendRaw = wire.send
  const send = (message: ServerMessage["message"]): void => {
    const encoded = new ServerMessage({ message })
    wire.send(text ? encoded.toJsonString() : encoded.toBinary())
  }
  const deliver = (message: Message): void => {
    const index = waiting.findIndex(({ kind }) => kind === message.case)
    if (index >= 0) Deferred.doneUnsafe(waiting.splice(index, 1)[0]!.found, Effect.succeed(message))
    else inbox.push(message)
  }
  const onData = (data: Uint8Array | string): void => {
    text = typeof data === "string"
    const { message } = typeof data === "string" ? WorkerMessage.fromJsonString(data) : WorkerMessage.fromBinary(data)
    if (message.case === "register") {
      const mode = options.register ?? "answer"
      if (mode === "answer") {
        send({ case: "register", value: { workerId: id, serverInfo: { version: "1.13.5", region: "" } } as never })
      } else if (mode === "refuse") wire.drop()
      else if (mode === "wrong") send({ case: "termination", value: { jobId: "x" } as never })
    } else if (message.case === "ping" && options.pong?.() !== false) {
      send({ case: "pong", value: { lastTimestamp: message.value.timestamp, timestamp: 0n } as never })
    }
    deliver(message)
  }
  const take = <C extends Case>(kind: C) =>
    Effect.suspend(() => {
      const index = inbox.findIndex((message) => message.case === kind)
      if (index >= 0) return Effect.succeed(inbox.splice(index, 1)[0]!.value as ValueOf<C>)
      const found = Deferred.makeUnsafe<Message>()
      waiting.push({ kind, found })
      return Effect.map(Deferred.await(found), (message) => message.value as ValueOf<C>)
    })
  const offer = (job: Job): void => send({ case: "availability", value: { job, resuming: false } as never })
  const assign = (job: Job, token = "room-token", url?: string): void =>
    send({ case: "assignment", value: new JobAssignment({ job, token, ...(url === undefined ? {} : { url }) }) })
  const connection: Connection = {
    id,
    url,
    authorization,
    send,
    sendRaw,
    take,
    seen: <C extends Case>(kind: C) =>
      inbox.filter((message) => message.case === kind).map((message) => message.value as ValueOf<C>),
    offer,
    assign,
    dispatch: (job, at) =>
      Effect.gen(function*() {
        offer(job)
        const answer = yield* take("availability")
        if (answer.available) assign(job, undefined, at?.url)
        return answer.available
      }),
    terminate: (jobId) => send({ case: "termination", value: { jobId } as never }),
    drop: wire.drop,
    closed: Deferred.await(closed),
    isText: () => text
  }
  return { connection, onData, onClose: (code: number) => void Deferred.doneUnsafe(closed, Effect.succeed(code)) }
}

// @effect-diagnostics-next-line globalDate:off
const epoch = new Date(0)

/** Who presents a worker's token, checked with the secret. */
export const claims = (authorization: string) =>
  Effect.promise(async () => {
    const secret = new TextEncoder().encode(apiSecret)
    const verified = await jwtVerify(authorization.replace("Bearer ", ""), secret, { currentDate: epoch })
    return verified.payload
  })

/** Over loopback, real sockets. */
export const serveAgent = Effect.fnUntraced(function*(options: Options = {}) {
  const connections = yield* Queue.unbounded<Connection>()
  let dials = 0
  const http = createServer((_, response) => response.writeHead(404).end())
  const sockets = new Set<WebSocket>()
  const server = new WebSocketServer({ noServer: true })
  http.on("upgrade", (request, socket, head) => {
    dials++
    const status = options.status?.()
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\n\r\n`)
      return
    }
    server.handleUpgrade(request, socket, head, (ws) => {
      sockets.add(ws)
      const { connection, onClose, onData } = makeConnection(
        options,
        `AW_${dials}`,
        request.url ?? "",
        request.headers.authorization ?? "",
        { send: (data) => ws.send(data), drop: () => ws.terminate() }
      )
      ws.on("message", (data, binary) => onData(binary ? new Uint8Array(data as Buffer) : String(data)))
      ws.on("close", onClose)
      ws.on("error", () => undefined)
      Queue.offerUnsafe(connections, connection)
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      http.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.terminate()
        http.close(() => resume(Effect.void))
        http.closeAllConnections()
      })
  )
  const { port } = http.address() as AddressInfo
  const self: AgentServer = {
    url: `ws://127.0.0.1:${port}`,
    next: Queue.take(connections),
    dials: () => dials,
    ctor: undefined
  }
  return self
})

type Listener = (event: Socket.WebSocketEvent) => void

/** In memory, without any real time: for the test clock. */
export const agentInMemory = (options: Options = {}): AgentServer => {
  const connections = Effect.runSync(Queue.unbounded<Connection>())
  let dials = 0
  const ctor: Context.Service.Shape<typeof Socket.WebSocketConstructor> = (url, given) => {
    dials++
    const headers = typeof given === "object" && !Array.isArray(given) ? given.headers : undefined
    const listeners = new Map<string, Set<Listener>>()
    const emit = (type: string, event: Socket.WebSocketEvent): void => {
      for (const listener of listeners.get(type) ?? []) listener(event)
    }
    let readyState = 0
    const close = (code: number): void => {
      if (readyState === 3) return
      readyState = 3
      made.onClose(code)
      queueMicrotask(() => emit("close", { code }))
    }
    const made = makeConnection(options, `AW_${dials}`, url, headers?.["authorization"] ?? "", {
      send: (data) =>
        queueMicrotask(() => {
          if (readyState === 1) emit("message", { data })
        }),
      drop: () => close(1006)
    })
    queueMicrotask(() => {
      const status = options.status?.()
      if (status !== undefined) {
        const message = `Unexpected server response: ${status}`
        readyState = 3
        return emit("error", { type: "error", message } as Socket.WebSocketEvent)
      }
      if (readyState !== 0) return
      readyState = 1
      emit("open", {})
      Queue.offerUnsafe(connections, made.connection)
    })
    return {
      get readyState() {
        return readyState
      },
      addEventListener: (type, listener) => {
        listeners.set(type, (listeners.get(type) ?? new Set()).add(listener))
      },
      removeEventListener: (type, listener) => void listeners.get(type)?.delete(listener),
      close: (code) => close(code ?? 1005),
      send: (data) => {
        if (readyState === 1) made.onData(data)
      }
    }
  }
  return { url: "ws://livekit.test", next: Queue.take(connections), dials: () => dials, ctor }
}

/** The load that a worker tells next. */
export const load = (connection: Connection): Effect.Effect<UpdateWorkerStatus> => connection.take("updateWorker")

/** The next final status of any job. */
export const outcome = (
  connection: Connection
): Effect.Effect<{ readonly jobId: string; readonly status: JobStatus; readonly error: string }> =>
  Effect.gen(function*() {
    while (true) {
      const update = yield* connection.take("updateJob")
      if (update.status >= 2) return update
    }
  })
