import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted, Stream } from "effect"
import { Audio, Room, Telephone, Worker } from "effect-voice"
import { spawn, spawnSync } from "node:child_process"
import { env } from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import { read, writer } from "../src/internal/telephone/protocol.ts"
import { sign } from "../src/internal/telephone/signature.ts"

/** A Python that has Pipecat. */
const python = env["PIPECAT_PYTHON"] ?? "python3"
const isThere = spawnSync(python, ["-c", "import pipecat.serializers.twilio"], { timeout: 60_000 }).status === 0
const wanted = "Pipecat is not installed: PIPECAT_PYTHON names a Python that has it"

const script = fileURLToPath(new URL("fixtures/pipecat_serializer.py", import.meta.url))

interface Answer {
  readonly text?: string | null
  readonly frame?: string | null
  readonly rate?: number | null
  readonly pcm?: string | null
}

/** Pipecat's serializer of one stream. */
const serializer = (streamSid: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly ask: (question: object) => Promise<Answer>; readonly end: () => void }>((resume) => {
      const child = spawn(python, [script, streamSid], { stdio: ["pipe", "pipe", "inherit"] })
      const waiting: Array<(answer: Answer) => void> = []
      const ask = (question: object): Promise<Answer> => {
        child.stdin.write(`${JSON.stringify(question)}\n`)
        const answer = Promise.withResolvers<Answer>()
        waiting.push(answer.resolve)
        return answer.promise
      }
      waiting.push(() => resume(Effect.succeed({ ask, end: () => child.kill() })))
      createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(JSON.parse(line)))
    }),
    ({ end }) => Effect.sync(end)
  )

const bytesOf = (samples: Int16Array): string =>
  Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString("base64")
const samplesOf = (pcm: string): Int16Array => {
  const bytes = Buffer.from(pcm, "base64")
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i))
}

describe.skipIf(!isThere)(`Pipecat's serializer for Twilio${isThere ? "" : ` (${wanted})`}`, () => {
  it.live("codes speech as we do, but for what lies between two levels", () =>
    Effect.gen(function*() {
      const { ask } = yield* serializer("MZ1")
      const every = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768)
      const { text } = yield* Effect.promise(() => ask({ kind: "audio", pcm: bytesOf(every) }))
      const theirs = Audio.decodeMulaw(Buffer.from(JSON.parse(text!).media.payload, "base64"))
      const ours = Audio.decodeMulaw(Audio.encodeMulaw(every))
      let other = 0
      every.forEach((sample, i) => {
        if (theirs[i] === ours[i]) return
        other++
        // A sample that is as near to one level as to the other.
        assert.isAtMost(Math.abs(Math.abs(theirs[i]! - sample) - Math.abs(ours[i]! - sample)), 512, String(sample))
      })
      assert.isAtMost(other, 512)
    }))

  it.live("says the same to a carrier as we do: a piece, and that all is to be silent", () =>
    Effect.gen(function*() {
      const { ask } = yield* serializer("MZ1")
      const to = writer("MZ1")
      const samples = Int16Array.from({ length: 160 }, (_, i) => 100 * i)
      const { text: piece } = yield* Effect.promise(() => ask({ kind: "audio", pcm: bytesOf(samples) }))
      const { text: silence } = yield* Effect.promise(() => ask({ kind: "interrupt" }))
      const shape = (text: string) => {
        const { media, ...message } = JSON.parse(text)
        return media === undefined ? message : { ...message, media: Object.keys(media) }
      }
      assert.deepStrictEqual(shape(to.media(samples)), shape(piece!))
      assert.deepStrictEqual(JSON.parse(to.clear), JSON.parse(silence!))
    }))

  it.live("hears nothing where we hear nothing", () =>
    Effect.gen(function*() {
      const { ask } = yield* serializer("MZ1")
      const odd = [
        "not json",
        "{\"event\":\"media\",\"media\":{}}",
        "{\"foo\":\"bar\"}",
        "{\"event\":\"mark\",\"mark\":{}}",
        "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"x\"}}"
      ]
      for (const text of odd) {
        const { frame } = yield* Effect.promise(() => ask({ kind: "read", text }))
        assert.deepStrictEqual([frame, read(text)], [null, undefined], text)
      }
    }))

  it.live("talks to us as the carrier would, and reads all that we say", () =>
    Effect.gen(function*() {
      const { ask } = yield* serializer("MZ1")
      const keys: Array<string> = []
      const token = Redacted.make("secret")
      const { port } = yield* Telephone.make(
        Worker.define({
          layer: Layer.empty,
          entry: () =>
            Effect.gen(function*() {
              const room = yield* Room.Room
              const output = yield* room.output({ sampleRate: 8000 })
              yield* Effect.forkScoped(Stream.runForEach(room.events, (event) =>
                Effect.sync(() => {
                  if (event._tag === "Dtmf") keys.push(event.digit)
                })))
              yield* Stream.runForEachArray(
                room.audio("caller"),
                (frames) => output.write(frames.map(({ samples }) => ({ samples, sampleRate: 8000, channels: 1 })))
              )
            })
        }),
        { url: "https://voice.example.com/call", token, port: 0, host: "127.0.0.1", http: false }
      )
      const socket = yield* Effect.acquireRelease(
        Effect.callback<WebSocket>((resume) => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/call/stream`, {
            headers: { "x-twilio-signature": sign(token, "wss://voice.example.com/call/stream") }
          })
          socket.once("open", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.terminate())
      )
      const received: Array<string> = []
      const all = Promise.withResolvers<void>()
      const done = all.promise
      socket.on("message", (data: Buffer) => {
        const text = data.toString()
        received.push(text)
        const message = JSON.parse(text)
        if (message.event === "mark") socket.send(text)
        if (received.filter((text) => text.includes("\"media\"")).length === 25) all.resolve()
      })
      socket.send(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }))
      socket.send(JSON.stringify({
        event: "start",
        sequenceNumber: "1",
        start: { accountSid: "AC1", streamSid: "MZ1", callSid: "CA1", tracks: ["inbound"], customParameters: {} },
        streamSid: "MZ1"
      }))
      const spoken = Int16Array.from({ length: 160 * 25 }, (_, i) => Math.round(8000 * Math.sin(i / 5)))
      yield* Effect.sleep("100 millis")
      for (let at = 0; at < spoken.length; at += 160) {
        const { text } = yield* Effect.promise(() => ask({ kind: "audio", pcm: bytesOf(spoken.slice(at, at + 160)) }))
        socket.send(text!)
      }
      const { text: key } = yield* Effect.promise(() =>
        ask({
          kind: "message",
          message: { event: "dtmf", streamSid: "MZ1", dtmf: { track: "inbound_track", digit: "5" } }
        })
      )
      socket.send(key!)
      yield* Effect.promise(() => done)
      const heard: Array<number> = []
      for (const text of received) {
        const { frame, pcm, rate } = yield* Effect.promise(() => ask({ kind: "read", text }))
        if (JSON.parse(text).event !== "media") continue
        assert.deepStrictEqual([frame, rate], ["InputAudioRawFrame", 8000])
        heard.push(...samplesOf(pcm!))
      }
      assert.strictEqual(heard.length, spoken.length)
      heard.forEach((sample, i) => assert.closeTo(sample, spoken[i]!, 300))
      while (keys.length === 0) yield* Effect.sleep("5 millis")
      assert.deepStrictEqual(keys, ["5"])
    }).pipe(Effect.provide(Logger.layer([]))))
})
