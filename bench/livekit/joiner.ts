/**
 * rtc-node alone, which does with it what an agent of a worker does in a call, request by request: it joins as an agent,
 * subscribes to the caller, hears them, tells its state, tells what it heard and said as text streams and as packets,
 * answers aloud, and leaves when the caller has left, or loses its room. It closes all that can be closed, in the order
 * that is safe. What is left behind each time, no library above rtc-node can give back.
 */
import {
  AudioFrame,
  AudioResampler,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  RemoteAudioTrack,
  RemoteTrackPublication,
  Room,
  TrackKind,
  TrackPublishOptions,
  TrackSource
} from "@livekit/rtc-node"
import { AccessToken } from "livekit-server-sdk"
import { EventEmitter } from "node:events"
import { createRequire } from "node:module"
import { env } from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import type { Address } from "./caller.ts"
import { reply } from "./reply.ts"
import { watch } from "./watch.ts"

export interface Call extends Address {
  readonly room: string
}

watch()
const loud = 1000
/** Without a loud piece, a question is over (ms). */
const pause = 500
const pieceMs = 20
/** Length of what is heard at a time, as a worker's rooms have it. */
const heardMs = 40

const isLoud = (data: Int16Array): boolean => data.some((sample) => Math.abs(sample) > loud)

/** Calls back when the caller has fallen silent; gives what ends it. */
const hear = (track: RemoteAudioTrack, onQuestion: () => void): () => Promise<void> => {
  const reader = new AudioStream(track, { sampleRate: 16_000, numChannels: 1, frameSizeMs: heardMs }).getReader()
  let speaks = false
  let silent = 0
  void (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (isLoud(next.value.data)) {
        speaks = true
        silent = 0
      } else if (speaks && (silent += heardMs) >= pause) {
        speaks = false
        onQuestion()
      }
    }
  })().catch(() => undefined)
  return async () => {
    await reader.cancel().catch(() => undefined)
  }
}

const speak = async (source: AudioSource): Promise<void> => {
  const length = reply.sampleRate / 1000 * pieceMs
  for (let from = 0; from + length <= reply.samples.length; from += length) {
    const samples = reply.samples.slice(from, from + length)
    await source.captureFrame(new AudioFrame(samples, reply.sampleRate, 1, length))
  }
}

/** Starts the engine as a worker does: its log does not come into the process. */
const startQuietly = (): void => {
  const require = createRequire(createRequire(import.meta.url).resolve("@livekit/rtc-node"))
  const bindings = require("@livekit/rtc-ffi-bindings") as { livekitInitialize: (...args: Array<unknown>) => unknown }
  const original = bindings.livekitInitialize
  bindings.livekitInitialize = (callback, _capture, version) => original(callback, false, version)
  env["RUST_LOG"] ??= "off"
  new AudioResampler(48_000, 48_000).close()
  bindings.livekitInitialize = original
}

/** A room that the server has ended keeps its listener, and its handle. */
const forget = (room: Room): void => {
  const client: unknown = Reflect.get(globalThis, "_ffiClientInstance")
  const listener: unknown = Reflect.get(room, "onFfiEvent")
  if (client instanceof EventEmitter && typeof listener === "function") client.off("ffi_event", listener as () => void)
  room.removeAllListeners()
  const handle = Reflect.get(room, "ffiHandle") as { readonly dispose: () => void } | undefined
  Reflect.set(room, "ffiHandle", undefined)
  try {
    handle?.dispose()
  } catch {
    // The engine has dropped it already.
  }
}

/** What an agent of a worker is: others see it as one, and it may write in the name of who speaks. */
const tokenOf = async ({ key, room, secret }: Call): Promise<string> => {
  const token = new AccessToken(key, secret, { identity: "joiner" })
  token.kind = "agent"
  token.addGrant({ roomJoin: true, room, agent: true, canUpdateOwnMetadata: true })
  return token.toJwt()
}

const topic = "lk.transcription"
const session = "lk.agent.session"
/** Events of a turn that are told. */
const eventsOfTurn = 10

/** Tells what was said, as an agent of a worker does: as a text stream, and as the packet that was before these. */
const makeTelling = (room: Room, sid: () => string) => {
  const me = room.localParticipant!
  let count = 0
  const begin = (track: string) => ({ id: `joiner-${++count}`, track })
  type Segment = ReturnType<typeof begin>
  const attributesOf = ({ id, track }: Segment, final: boolean) => ({
    "lk.segment_id": id,
    "lk.transcription_final": String(final),
    "lk.transcribed_track_id": track
  })
  const packet = ({ id, track }: Segment, participantIdentity: string, text: string, final: boolean) =>
    me.publishTranscription({
      participantIdentity,
      trackSid: track,
      segments: [{ id, text, final, language: "", startTime: 0n, endTime: 0n }]
    })
  /** What tools that look on are told of the session. */
  const event = async (caller: string): Promise<void> => {
    const writer = await me.streamBytes({
      topic: session,
      name: session,
      totalSize: 64,
      destinationIdentities: [caller]
    })
    await writer.write(new Uint8Array(64))
    await writer.close()
  }
  return {
    event,
    state: (state: string) => me.setAttributes({ "lk.agent.state": state }),
    heard: async (caller: string, track: string, text: string): Promise<void> => {
      const segment = begin(track)
      const writer = await me.streamText({ topic, attributes: attributesOf(segment, true), senderIdentity: caller })
      await writer.write(text)
      await writer.close()
      await packet(segment, caller, text, true)
    },
    said: async (text: string, aloud: () => Promise<void>): Promise<void> => {
      const segment = begin(sid())
      const writer = await me.streamText({ topic, attributes: attributesOf(segment, false) })
      await writer.write(text)
      await packet(segment, me.identity, text, false)
      await aloud()
      await writer.close()
      await me.sendText(text, { topic, attributes: attributesOf(segment, true), streamId: writer.info.streamId })
      await packet(segment, me.identity, text, true)
    }
  }
}

const serve = async (call: Call): Promise<void> => {
  const room = new Room()
  const over = Promise.withResolvers<void>()
  const source = new AudioSource(reply.sampleRate, 1, 200)
  const track = LocalAudioTrack.createAudioTrack("joiner", source)
  let silence: (() => Promise<void>) | undefined
  let speaking = Promise.resolve()
  let telling: ReturnType<typeof makeTelling> | undefined
  const answer = async (caller: string, heard: string): Promise<void> => {
    await telling?.heard(caller, heard, "Hello.")
    for (let i = 0; i < eventsOfTurn; i++) await telling?.event(caller)
    await telling?.state("thinking")
    await telling?.state("speaking")
    await telling?.said("Yes.", () => speak(source))
    await telling?.state("listening")
  }
  room.on("trackSubscribed", (heard, { sid = "" }, { identity }) => {
    if (!(heard instanceof RemoteAudioTrack)) return
    silence = hear(heard, () => {
      speaking = speaking.then(() => answer(identity, sid)).catch(() => undefined)
    })
  })
  const subscribe = (publication: RemoteTrackPublication): void => {
    if (publication.kind === TrackKind.KIND_AUDIO && !publication.subscribed) publication.setSubscribed(true)
  }
  room.on("trackPublished", subscribe)
  room.on("participantDisconnected", () => over.resolve())
  room.on("disconnected", () => over.resolve())
  room.registerTextStreamHandler("lk.chat", () => {})
  for (const bytes of ["lk.agent.pre-connect-audio-buffer", session]) {
    room.registerByteStreamHandler(bytes, () => {})
  }
  try {
    await room.connect(call.url, await tokenOf(call), {
      autoSubscribe: false,
      dynacast: false,
      dataStream: { maxPayloadByteLength: 16 * 2 ** 20 }
    })
    for (const { trackPublications } of room.remoteParticipants.values()) {
      for (const publication of trackPublications.values()) {
        if (publication instanceof RemoteTrackPublication) subscribe(publication)
      }
    }
    const me = room.localParticipant!
    await me.setAttributes({ "lk.agent.state": "listening", "lk.agent.name": "joiner" })
    const { sid } = await me.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
    telling = makeTelling(room, () => sid ?? "")
    if (room.remoteParticipants.size === 0) over.resolve()
    await over.promise
    source.clearQueue()
    await Promise.race([speaking, sleep(2000)])
    source.clearQueue()
    await silence?.()
    // What fails here has gone with the room.
    if (room.isConnected) {
      await Promise.race([telling.state("idle").catch(() => undefined), sleep(1000)])
      await me.unpublishTrack(sid!).catch(() => undefined)
    }
    await room.disconnect().catch(() => undefined)
  } finally {
    forget(room)
    await track.close()
  }
}

startQuietly()
let joined = 0
process.on("message", (call: Call) => {
  void serve(call).catch((error) => process.stderr.write(`a call of rtc-node alone broke off: ${String(error)}\n`))
    .finally(() => process.send!({ phase: "joined", result: ++joined }))
})
process.send!({ phase: "ready" })
