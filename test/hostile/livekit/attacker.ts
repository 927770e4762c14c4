/** Somebody in a process of their own who does to a room what they are told to, once a line of it comes; bounded, on loopback alone. */
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from "@livekit/rtc-node"
import { createInterface } from "node:readline"

const { REMOTE_TOKEN: token = "", REMOTE_URL: url = "" } = process.env
if (!/^ws:\/\/(?:127\.0\.0\.1|localhost):/.test(url)) throw new Error("an attack is for a server on loopback")

const room = new Room()
await room.connect(url, token, { autoSubscribe: true, dynacast: false })
const me = room.localParticipant!
const victim = "agent"
const long = "x".repeat(1_000_000)
const bytes = new Uint8Array(15_000)

const times = (count: number, act: (i: number) => Promise<unknown>): Promise<unknown> =>
  Promise.allSettled(Array.from({ length: count }, (_, i) => act(i)))

const attacks: Readonly<Record<string, () => Promise<unknown>>> = {
  texts: () => times(300, (i) => me.sendText(`text ${i}`, { topic: "lk.chat" })),
  "long texts": () => times(10, () => me.sendText(long, { topic: "lk.chat" })),
  "streams that never end": () =>
    times(100, async (i) => {
      const writer = await me.streamText({ topic: "lk.chat" })
      await writer.write(`half ${i}`)
    }),
  "byte streams": () =>
    times(30, async (i) => {
      const writer = await me.streamBytes({
        topic: i % 2 === 0 ? "lk.agent.pre-connect-audio-buffer" : "lk.agent.session",
        name: `${i}`,
        mimeType: "audio/ogg"
      })
      for (let n = 0; n < 70; n++) await writer.write(bytes)
      await writer.close()
    }),
  "session requests": () =>
    times(200, async (i) => {
      const writer = await me.streamBytes({ topic: "lk.agent.session", name: `${i}` })
      await writer.write(Uint8Array.from({ length: 200 }, (_, n) => (n * 31 + i) & 255))
      await writer.close()
    }),
  "remote calls": () =>
    times(200, (i) =>
      me.performRpc({
        destinationIdentity: victim,
        method: i % 2 === 0 ? "lk.agent.nothing" : "set_agent_state",
        payload: "x".repeat(14_000),
        responseTimeout: 2000
      })),
  data: () => times(1000, () => me.publishData(new Uint8Array(1000), { reliable: true, topic: "noise" })),
  keys: () => times(300, (i) => me.publishDtmf(i % 10, String(i % 10))),
  attributes: () => times(50, (i) => me.setAttributes({ [`a${i}`]: "x".repeat(200) })),
  "large attributes": () =>
    times(20, (i) => me.setAttributes({ [`b${i % 4}`]: "x".repeat(15_000), ["__proto__"]: `${i}` })),
  metadata: () => times(20, (i) => me.updateMetadata(`${i}${"x".repeat(60_000)}`)),
  names: () => times(50, (i) => me.updateName("x".repeat(1000 + i))),
  "topics of all objects": () =>
    times(40, async (i) => {
      const topic = ["__proto__", "constructor", "toString", "hasOwnProperty"][i % 4]!
      await me.sendText(`text ${i}`, { topic })
      await me.publishData(new Uint8Array(100), { reliable: true, topic })
      const writer = await me.streamBytes({ topic, name: topic })
      await writer.write(bytes)
      await writer.close()
    }),
  microphones: () =>
    times(12, async (i) => {
      const source = new AudioSource(48_000, 1, 1000)
      const track = LocalAudioTrack.createAudioTrack(`m${i}`, source)
      await me.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
      for (let n = 0; n < 50; n++) {
        await source.captureFrame(new AudioFrame(new Int16Array(480).fill(9000), 48_000, 1, 480))
      }
    })
}

createInterface(process.stdin).on("line", (line) => {
  void attacks[line]?.().then(() => process.stdout.write(`done ${line}\n`))
})
process.stdout.write("ready\n")
