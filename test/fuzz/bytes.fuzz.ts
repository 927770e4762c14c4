/** Everything else that reads bytes from outside: recordings, files, the worker's messages, requests of frontends. */
import { assert, describe, it } from "@effect/vitest"
import { AgentSession as pb, Job, JobType, ServerMessage } from "@livekit/protocol"
import { Effect, Layer, Option } from "effect"
import { Agent, Audio, Room } from "effect-voice"
import * as Frontend from "effect-voice/Frontend"
import { oggPackets } from "effect-voice/internal/frontend/ogg"
import { decode as decodeRecording, inSteps, type Packets } from "effect-voice/internal/frontend/preconnectAudio"
import { load } from "effect-voice/internal/frontend/protocol"
import { webmPackets } from "effect-voice/internal/frontend/webm"
import * as ipc from "effect-voice/internal/worker/ipc"
import { decode as decodeFrame } from "effect-voice/internal/worker/protocol"
import * as Testing from "effect-voice/testing"
import * as Fs from "node:fs"
import { tone } from "../support/transcribing.ts"
import * as harness from "./support/harness.ts"
import { bytes, Chance, firstSeed, inputs, json, text } from "./support/mutation.ts"

const fixture = (name: string) => new Uint8Array(Fs.readFileSync(new URL(`../fixtures/${name}`, import.meta.url)))

const held = <A, E>(
  name: string,
  ask: (chance: Chance) => Effect.Effect<A, E>,
  error: (error: E) => boolean,
  result?: (result: A) => void,
  oneOf?: number
) =>
  it.live(
    name,
    () =>
      harness.hold(name, (chance) => harness.quiet(ask(chance)), {
        error,
        ...(result === undefined ? undefined : { result }),
        ...(oneOf === undefined ? undefined : { oneOf })
      }),
    600_000
  )

const tagged = (tag: string) => (error: { readonly _tag: string }) => error._tag === tag

/** A frame that the rest of the library can use. */
const usable = ({ channels, sampleRate, samples }: Audio.Frame) => {
  assert.instanceOf(samples, Int16Array)
  assert.isTrue(sampleRate >= 4000 && sampleRate <= 768_000, `${sampleRate} Hz`)
  assert.isTrue(channels >= 1 && samples.length % channels === 0, `${channels} channels`)
}

describe("whatever is in a file, it is audio or an error:", () => {
  const files = [
    Audio.encodeWav(Audio.concat(tone.slice(0, 3))),
    Audio.encodeWav(Audio.concat(tone.slice(0, 3)), { float: true }),
    fixture("hello_world.wav").slice(0, 4000)
  ]
  held(
    "WAV",
    (chance) =>
      Effect.suspend(() =>
        Effect.fromResult(Audio.decodeWav(chance.is(0.1) ? chance.bytes(200) : bytes(chance.of(files), chance)))
      ),
    tagged("AudioError"),
    usable
  )

  const page = (packet: Uint8Array) => {
    const head = Buffer.alloc(28)
    head.write("OggS")
    head[26] = 1
    head[27] = packet.length
    return Buffer.concat([head, packet])
  }
  const opusHead = Buffer.from("4f707573486561640101380180bb0000000000", "hex")
  const ogg = new Uint8Array(Buffer.concat([
    page(opusHead),
    page(Buffer.from("OpusTags\0\0\0\0\0\0\0\0")),
    ...Array.from({ length: 4 }, () => page(Uint8Array.of(0xf8, 0xff, 0xfe)))
  ]))
  const webm = fixture("hello_world.webm").slice(0, 3000)
  const recording = (name: string, mimes: ReadonlyArray<string>, whole: Uint8Array) =>
    held(
      name,
      (chance) =>
        decodeRecording({
          identity: "ann",
          topic: "lk.agent.pre-connect-audio-buffer",
          bytes: chance.is(0.1) ? chance.bytes(300) : bytes(whole, chance),
          mimeType: chance.of(mimes),
          attributes: chance.is(0.5)
            ? {}
            : { sampleRate: chance.of(["48000", "x", "-1", "1e9"]), channels: chance.of(["1", "2", "3", ""]) }
        }),
      tagged("RecordingError"),
      usable,
      // Each has a decoder of its own, whose making takes most of the time.
      20
    )
  const container = (
    name: string,
    packets: (bytes: Uint8Array) => Generator<void, Packets | undefined>,
    whole: Uint8Array
  ) =>
    held(
      `the packets in ${name}`,
      (chance) => inSteps(packets(chance.is(0.1) ? chance.bytes(300) : bytes(whole, chance))),
      () => false,
      (found) => assert.isTrue(found === undefined || found.packets.every((packet) => packet.length > 0))
    )
  container("WebM", webmPackets, webm)
  container("Ogg", oggPackets, ogg)
  recording("WebM", ["audio/webm", "audio/webm;codecs=opus", "audio/opus"], webm)
  recording("Ogg", ["audio/ogg", "audio/opus"], ogg)
  recording("samples", ["audio/pcm", ""], ogg)
})

describe("whatever a LiveKit server tells a worker, it is a message or an error:", () => {
  const job = new Job({ id: "AJ_1", type: JobType.JT_ROOM, room: { name: "room", sid: "RM_1", metadata: "{}" } })
  const messages = [
    new ServerMessage({
      message: { case: "register", value: { workerId: "AW_1", serverInfo: { version: "1", region: "here" } } }
    }),
    new ServerMessage({ message: { case: "availability", value: { job } } }),
    new ServerMessage({ message: { case: "assignment", value: { job, token: "t", url: "ws://a.test" } } }),
    new ServerMessage({ message: { case: "termination", value: { jobId: "AJ_1" } } }),
    new ServerMessage({ message: { case: "pong", value: { lastTimestamp: 1n, timestamp: 2n } } })
  ]
  held(
    "the worker's protocol, in bytes",
    (chance) =>
      Effect.suspend(() =>
        Effect.fromResult(
          decodeFrame(chance.is(0.1) ? chance.bytes(80) : bytes(chance.of(messages).toBinary(), chance))
        )
      ),
    tagged("ProtocolViolated")
  )
  held(
    "the worker's protocol, in JSON",
    (chance) =>
      Effect.suspend(() =>
        Effect.fromResult(decodeFrame(json(JSON.parse(chance.of(messages).toJsonString()), chance)))
      ),
    tagged("ProtocolViolated")
  )

  const told = [
    { _tag: "Ping" },
    { _tag: "End", job: "AJ_1" },
    { _tag: "Log", job: "AJ_1", level: "Info", message: "words", date: 1 },
    { _tag: "Over", job: "AJ_1" },
    { _tag: "State", jobs: 1 },
    { _tag: "Metrics", metrics: [] }
  ]
  held(
    "messages between the processes of a pool",
    (chance) =>
      Effect.sync(() => {
        const sent = json(chance.of(told), chance)
        let message: unknown = sent
        try {
          message = JSON.parse(sent)
        } catch {
          // Then it is told as the text that it is.
        }
        return [ipc.decodeToChild(message), ipc.decodeFromChild(message)]
      }),
    () => false,
    (all) => assert.isTrue(all.every(Option.isOption))
  )
})

describe("whatever a frontend asks, it is a request or nothing:", () => {
  const requests = [
    { case: "ping", value: {} },
    { case: "getChatHistory", value: {} },
    { case: "getAgentInfo", value: {} },
    { case: "runInput", value: { text: "How is the weather?" } }
  ] as const
  held("the frontend's protocol", (chance) =>
    Effect.map(load, ({ read }) => {
      const whole = new pb.AgentSessionMessage({
        message: { case: "request", value: { requestId: text("request-1", chance), request: chance.of(requests) } }
      }).toBinary()
      return read(chance.is(0.1) ? chance.bytes(80) : bytes(whole, chance))
    }), () => false)

  const topic = "lk.agent.session"
  const request = (requestId: string, asked: (typeof requests)[number]) =>
    new pb.AgentSessionMessage({ message: { case: "request", value: { requestId, request: asked } } }).toBinary()

  it.effect("the frontend's requests, in a session that goes on", () =>
    Effect.gen(function*() {
      const attached = Layer.effect(
        Room.Room,
        Effect.map(Room.Room, (room) => ({ ...room, attach: (session) => Frontend.attach(session) }))
      )
      const count = Math.ceil(inputs / 20)
      let sent: ReadonlyArray<Testing.Sent> = []
      const owed: Array<string> = ["last"]
      const end = 1000 + count * 20
      yield* Testing.scenario({
        agent: Agent.make({ instructions: "" }),
        user: [],
        llm: () => "Yes.",
        layer: attached,
        at: [
          ...Array.from({ length: count }, (_, i): Testing.Step<never> => {
            const chance = new Chance(firstSeed + i)
            const body = chance.of(requests)
            // What is whole is answered, whatever came before; only a reply takes its time.
            const whole = chance.is(0.3)
            if (whole && body.case !== "runInput") owed.push(`request-${i}`)
            const asked = request(`request-${i}`, body)
            return {
              at: 500 + i * 20,
              do: (_, { room }) =>
                room.sendBytes({ identity: "caller", topic, bytes: whole ? asked : bytes(asked, chance) })
            }
          }),
          {
            at: end,
            do: (_, { room }) => room.sendBytes({ identity: "caller", topic, bytes: request("last", requests[0]) })
          },
          { at: end + 1000, do: (_, { room }) => Effect.map(room.sent, (all) => void (sent = all)) }
        ],
        until: end + 2000
      })
      const answered = sent.flatMap((message) => {
        if (message._tag !== "Bytes" || message.topic !== topic) return []
        const { message: told } = pb.AgentSessionMessage.fromBinary(message.bytes)
        return told.case === "response" ? [told.value.requestId] : []
      })
      assert.includeMembers(answered, owed)
    }), 600_000)
})
