/**
 * Somebody in a process of their own who goes on against a room for some seconds, in a manner that a line of theirs
 * names, and tells what came of it; bounded, on loopback alone. Others of theirs come and go as whom they like.
 */
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from "@livekit/rtc-node"
import { AccessToken } from "livekit-server-sdk"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { WebSocket } from "ws"

const { FLOOD_KEY: key = "", FLOOD_ROOM: name = "", FLOOD_SECRET: secret = "", FLOOD_URL: url = "" } = process.env
if (!/^ws:\/\/(?:127\.0\.0\.1|localhost):/.test(url)) throw new Error("a flood is for a server on loopback")

const tokenOf = async (identity: string, more: object = {}): Promise<string> => {
  const token = new AccessToken(key, secret, { identity, ...more })
  token.addGrant({ roomJoin: true, room: name, canUpdateOwnMetadata: true })
  return token.toJwt()
}

const room = new Room()
room.setMaxListeners(0)
await room.connect(url, await tokenOf("eve"), { autoSubscribe: false, dynacast: false })
const me = room.localParticipant!
const agent = "agent"

const outcomes: Record<string, number> = {}
const count = (what: string): void => void (outcomes[what] = (outcomes[what] ?? 0) + 1)
const saying = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\d+/g, "N").slice(0, 60)

/** Does it again and again, so many times a second, whatever becomes of each. */
const every = async (ms: number, times: number, act: (i: number) => Promise<unknown>): Promise<void> => {
  const all: Array<Promise<unknown>> = []
  let due = performance.now()
  for (let i = 0; i < times; i++) {
    all.push(act(i).then(() => count("done"), (error: unknown) => count(saying(error))))
    due += ms
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
  }
  await Promise.race([Promise.allSettled(all), sleep(5000)])
}

/** Joins by the signalling alone: the others are told, and no media are opened. */
const enter = async (identity: string, more: object = {}): Promise<WebSocket> => {
  const query = new URLSearchParams({
    access_token: await tokenOf(identity, more),
    protocol: "15",
    sdk: "js",
    version: "2.0.0",
    auto_subscribe: "0"
  })
  const socket = new WebSocket(`${url}/rtc?${query}`)
  await Promise.race([once(socket, "message"), once(socket, "close").then(() => Promise.reject(new Error("closed")))])
  socket.on("error", () => {})
  return socket
}

const comeAndGo = (
  identity: (i: number) => string,
  ms: number,
  times: number,
  more: (i: number) => object = () => ({})
) =>
  every(ms, times, async (i) => {
    const socket = await enter(identity(i), more(i))
    await sleep(20)
    socket.close()
  })

const publish = async (rate: number, channels: number, { dtx = true, speaks = true } = {}) => {
  const source = new AudioSource(rate, channels, 500)
  const track = LocalAudioTrack.createAudioTrack(`m ${rate} ${channels}`, source)
  const publication = await me.publishTrack(
    track,
    new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE, dtx })
  )
  if (speaks) {
    const samples = rate / 100
    for (let n = 0; n < 30; n++) {
      await source.captureFrame(new AudioFrame(new Int16Array(samples * channels).fill(n % 2), rate, channels, samples))
    }
  }
  return { publication, track }
}

/** Asks aloud, as anyone does. */
const asks = async (): Promise<void> => {
  // The samples of a WAV file of 24 kHz, behind its header of 44 bytes.
  const bytes = readFileSync(new URL("../../fixtures/weather_question.wav", import.meta.url)).subarray(44)
  const speech = new Int16Array(new Uint8Array(bytes).buffer, 0, Math.floor(bytes.length / 2))
  const source = new AudioSource(24_000, 1, 1000)
  const track = LocalAudioTrack.createAudioTrack("microphone", source)
  const publication = await me.publishTrack(
    track,
    new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE })
  )
  await sleep(1000)
  for (let at = 0; at < speech.length + 48_000; at += 480) {
    const frame = new Int16Array(480)
    frame.set(speech.subarray(at, at + 480))
    await source.captureFrame(new AudioFrame(frame, 24_000, 1, 480))
  }
  await source.waitForPlayout()
  if (publication.sid !== undefined) await me.unpublishTrack(publication.sid)
  await track.close()
}

const text = "x".repeat(50_000)
const odd = [
  "\u0000\u0001\u001b[2J\u001b[31m",
  "\u202egnp.exe\u202c",
  "\n\r\ndetadpu: level=error",
  "a\u0300".repeat(100),
  "💥".repeat(60),
  "__proto__",
  "+49 30 1234567",
  "agent",
  "x".repeat(200)
]

const floods: Readonly<Record<string, () => Promise<unknown>>> = {
  asks,
  "attributes, each others": () =>
    every(10, 400, (i) => me.setAttributes({ [`a${i}`]: text, ...(i === 0 ? {} : { [`a${i - 1}`]: "" }) })),
  "attributes, huge": () => every(10, 300, (i) => me.setAttributes({ one: `${i}${"y".repeat(60_000)}` })),
  "attributes, tiny": () => every(10, 400, (i) => me.setAttributes({ one: `${i}` })),
  metadata: () => every(10, 300, (i) => me.updateMetadata(`${i}${text}`)),
  names: () => every(10, 300, (i) => me.updateName(`${odd[i % odd.length]}${i}`)),
  "long names": () => every(20, 100, (i) => me.updateName(`${i}${"n".repeat(10_000)}`)),
  "topics of texts": () => every(1, 3000, (i) => me.sendText(`text ${i}`, { topic: `topic ${i}` })),
  "topics of bytes": () =>
    every(2, 1500, async (i) => {
      const writer = await me.streamBytes({ topic: `topic ${i}`, name: `file ${i}` })
      await writer.write(new Uint8Array(1000))
      await writer.close()
    }),
  "streams that stay open": () =>
    every(5, 600, async (i) => {
      const writer = await me.streamText({ topic: i % 2 === 0 ? "lk.chat" : `topic ${i}` })
      await writer.write("half")
    }),
  "byte streams that stay open": () =>
    every(5, 400, async (i) => {
      const writer = await me.streamBytes({
        topic: i % 2 === 0 ? "lk.agent.session" : "lk.agent.pre-connect-audio-buffer",
        name: "n".repeat(5000)
      })
      await writer.write(new Uint8Array(10_000))
    }),
  "remote calls of no method": () =>
    every(
      2,
      1000,
      (i) => me.performRpc({ destinationIdentity: agent, method: `nothing ${i}`, payload: "x", responseTimeout: 4000 })
    ),
  "remote calls, large": () =>
    every(
      10,
      200,
      () =>
        me.performRpc({
          destinationIdentity: agent,
          method: "slow",
          payload: "x".repeat(15_000),
          responseTimeout: 4000
        })
    ),
  "remote calls, huge": () =>
    every(50, 20, () =>
      me.performRpc({
        destinationIdentity: agent,
        method: "slow",
        payload: "x".repeat(1_100_000),
        responseTimeout: 4000
      })),
  "remote calls of one that takes its time": () =>
    every(
      2,
      500,
      () => me.performRpc({ destinationIdentity: agent, method: "slow", payload: "", responseTimeout: 4000 })
    ),
  "data, reliable": () =>
    every(1, 3000, (i) => me.publishData(new Uint8Array(1000), { reliable: true, topic: `noise ${i}` })),
  "data, lossy": () => every(1, 3000, () => me.publishData(new Uint8Array(1000), { reliable: false, topic: "noise" })),
  "data of long topics": () =>
    every(2, 1000, () => me.publishData(new Uint8Array(1), { reliable: true, topic: "t".repeat(10_000) })),
  keys: () => every(2, 1000, (i) => me.publishDtmf(i % 20, i % 3 === 0 ? "" : "12#".repeat(i % 30))),
  "tracks that come and go": () =>
    every(50, 60, async () => {
      const { publication, track } = await publish(48_000, 1, { speaks: false })
      if (publication.sid !== undefined) await me.unpublishTrack(publication.sid)
      await track.close()
    }),
  "microphones of all rates": async () => {
    for (const rate of [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000]) {
      for (const channels of [1, 2]) {
        const { publication, track } = await publish(rate, channels, { dtx: channels === 1 })
        count("published")
        if (publication.sid !== undefined) await me.unpublishTrack(publication.sid)
        await track.close()
      }
    }
  },
  "others who come and go": () => comeAndGo((i) => `guest ${i}`, 20, 150),
  "one who comes and goes": () => comeAndGo(() => "guest", 20, 150),
  "others of odd names": () =>
    comeAndGo((i) => `${odd[i % odd.length]!}${i}`.slice(0, 200), 50, 45, (i) => ({
      name: odd[(i + 1) % odd.length],
      metadata: odd[(i + 2) % odd.length]!.repeat(10)
    })),
  "two hundred at once": async () => {
    const sockets: Array<WebSocket> = []
    await every(15, 200, async (i) => void sockets.push(await enter(`crowd ${i}`)))
    count(`${sockets.length} there`)
    await sleep(2000)
    for (const socket of sockets) socket.close()
  }
}

createInterface(process.stdin).on("line", (line) => {
  for (const what of Object.keys(outcomes)) delete outcomes[what]
  const flood = floods[line]
  if (flood === undefined) return void process.stdout.write(`unknown ${line}\n`)
  void flood().then(() => {}, (error: unknown) => count(saying(error))).then(() => {
    process.stdout.write(`${JSON.stringify({ done: line, outcomes })}\n`)
  })
})
process.stdout.write("ready\n")
