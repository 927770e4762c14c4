import { describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Queue, Stream } from "effect"
import { Audio, Failure, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { type WebSocket as Socket, WebSocketServer } from "ws"

// One socket for one stream: what comes goes into the stream, and the socket closes with it, also when nobody listens
// any more. A server that has told everything closes in peace; otherwise the connection is lost, and worth another try.
const open = <A, E>(url: string, stream: Queue.Queue<A, E | Cause.Done>, read: (data: any) => A, lost: E) =>
  Effect.acquireRelease(
    Effect.callback<WebSocket, E>((resume) => {
      const socket = new WebSocket(url)
      socket.binaryType = "arraybuffer"
      socket.addEventListener("open", () => resume(Effect.succeed(socket)))
      socket.addEventListener("error", () => resume(Effect.fail(lost)))
      socket.addEventListener("message", ({ data }) => Queue.offerUnsafe(stream, read(data)))
      socket.addEventListener("close", ({ code }) => {
        if (code === 1000) Queue.endUnsafe(stream)
        else Queue.failCauseUnsafe(stream, Cause.fail(lost))
      })
    }),
    (socket) => Effect.sync(() => socket.close())
  )

const reason = new Failure.Disconnected({})

// Ears: samples go out as bytes, and "finalize" asks for what is heard so far; transcripts come back as JSON.
export const ears = (url: string) =>
  Stt.make({
    name: "ours",
    // A room may have another rate: what comes here is converted.
    format: Audio.speech,
    transcribe: <E, R>(audio: Stream.Stream<Stt.Input, E, R>) =>
      Stream.callback<Stt.Transcript, E | Stt.SttError, R>((stream) =>
        Effect.gen(function*() {
          const socket = yield* open(url, stream, JSON.parse, new Stt.SttError({ provider: "ours", reason }))
          yield* Stream.runForEach(
            audio,
            (input) => Effect.sync(() => socket.send("_tag" in input ? "finalize" : Audio.toBytes(input)))
          )
          socket.send("end")
        })
      )
  })

// A voice: pieces of text go out as they come; samples come back.
export const voice = (url: string) =>
  Tts.make({
    name: "ours",
    sampleRate: 16_000,
    channels: 1,
    speak: <E, R>(text: Stream.Stream<string, E, R>) =>
      Stream.callback<Tts.Chunk, E | Tts.TtsError, R>((stream) =>
        Effect.gen(function*() {
          const decode = Audio.decoder(Audio.speech)
          const read = (data: ArrayBuffer) => ({
            frame: decode(new Uint8Array(data)) ?? Audio.silence(0, Audio.speech)
          })
          const socket = yield* open(url, stream, read, new Tts.TtsError({ provider: "ours", reason }))
          yield* Stream.runForEach(text, (piece) => Effect.sync(() => socket.send(piece)))
          socket.send("end")
        })
      )
  })

// Who is connected: nobody may be, once a stream has ended, failed, or was interrupted.
const sockets = new Set<Socket>()
const closed = Effect.promise(() => Promise.all([...sockets].map((socket) => once(socket, "close"))))

// A stand-in for their servers: it hears "hello" where it is asked to, and says a text as silence.
const server = Effect.map(
  Effect.acquireRelease(
    Effect.callback<WebSocketServer>((resume) => {
      const server = new WebSocketServer({ host: "127.0.0.1", port: 0 })
      server.on("listening", () => resume(Effect.succeed(server)))
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
        let samples = 0
        socket.on("message", (data: Buffer, isBytes) => {
          if (isBytes) return void (samples += data.length / 2)
          const text = data.toString()
          if (text === "end") return socket.close(1000)
          if (text !== "finalize") {
            return void (text.trim() === "" || socket.send(Buffer.alloc(Math.max(1, text.length) * 1920)))
          }
          socket.send(JSON.stringify({ text: "hello", final: true, start: 0, end: samples / 16 }))
        })
      })
    }),
    (server) => Effect.sync(() => server.close())
  ),
  (server) => `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
)

export const layer = Layer.unwrap(
  Effect.map(server, (url) => Layer.merge(Layer.succeed(Stt.Stt, ears(url)), Layer.succeed(Tts.Tts, voice(url))))
)

// What every layer of this library keeps.
const speech = [Audio.silence("1 second", Audio.speech)]

describe("ears on a socket", () => {
  for (const { holds, sentence } of Testing.sttContract({ live: true, speech, closed })) {
    it.live(sentence, () => Stt.Stt.use(holds).pipe(Effect.scoped, Effect.provide(layer)))
  }
})

describe("a voice on a socket", () => {
  for (const { holds, sentence } of Testing.ttsContract({ live: true, closed })) {
    it.live(sentence, () => Tts.Tts.use(holds).pipe(Effect.scoped, Effect.provide(layer)))
  }
})
