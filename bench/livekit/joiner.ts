/**
 * rtc-node alone, which does what the agent of a call does: it joins the room of a caller, hears the
 * caller, answers each question aloud and in a text stream, answers remote calls, tells its state, and leaves
 * when the caller has left, or loses its room. It closes all that can be closed, in the order that
 * is safe. What is left behind each time, no library above rtc-node can give back.
 */
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  RemoteAudioTrack,
  Room,
  TrackPublishOptions,
  TrackSource
} from "@livekit/rtc-node"
import { AccessToken } from "livekit-server-sdk"
import { EventEmitter } from "node:events"
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

const isLoud = (data: Int16Array): boolean => data.some((sample) => Math.abs(sample) > loud)

/** Calls back when the caller has fallen silent; gives what ends it. */
const hear = (track: RemoteAudioTrack, onQuestion: () => void): () => Promise<void> => {
  const reader = new AudioStream(track, { sampleRate: 16_000, numChannels: 1, frameSizeMs: pieceMs }).getReader()
  let speaks = false
  let silent = 0
  void (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (isLoud(next.value.data)) {
        speaks = true
        silent = 0
      } else if (speaks && (silent += pieceMs) >= pause) {
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

const serve = async ({ key, room: name, secret, url }: Call): Promise<void> => {
  const token = new AccessToken(key, secret, { identity: "joiner" })
  token.addGrant({ roomJoin: true, room: name, canUpdateOwnMetadata: true })
  const room = new Room()
  const over = Promise.withResolvers<void>()
  const source = new AudioSource(reply.sampleRate, 1, 200)
  const track = LocalAudioTrack.createAudioTrack("joiner", source)
  let silence: (() => Promise<void>) | undefined
  let speaking = Promise.resolve()
  const answer = async (): Promise<void> => {
    const me = room.localParticipant!
    await me.setAttributes({ "lk.agent.state": "speaking" })
    const writer = await me.streamText({ topic: "lk.transcription" })
    await writer.write("Yes.")
    await writer.close()
    await speak(source)
    await me.setAttributes({ "lk.agent.state": "listening" })
  }
  room.on("trackSubscribed", (heard) => {
    if (!(heard instanceof RemoteAudioTrack)) return
    silence = hear(heard, () => {
      speaking = speaking.then(answer).catch(() => undefined)
    })
  })
  room.on("participantDisconnected", () => over.resolve())
  room.on("disconnected", () => over.resolve())
  try {
    await room.connect(url, await token.toJwt(), { autoSubscribe: true, dynacast: false })
    const me = room.localParticipant!
    for (const method of ["one", "two"]) me.registerRpcMethod(method, async () => "")
    const { sid } = await me.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
    if (room.remoteParticipants.size === 0) over.resolve()
    await over.promise
    source.clearQueue()
    await Promise.race([speaking, sleep(2000)])
    source.clearQueue()
    await silence?.()
    for (const method of ["one", "two"]) me.unregisterRpcMethod(method)
    // What fails here has gone with the room.
    if (room.isConnected) await me.unpublishTrack(sid!).catch(() => undefined)
    await room.disconnect().catch(() => undefined)
  } finally {
    forget(room)
    await track.close()
  }
}

let joined = 0
process.on("message", (call: Call) => {
  void serve(call).catch((error) => process.stderr.write(`a call of rtc-node alone broke off: ${String(error)}\n`))
    .finally(() => process.send!({ phase: "joined", result: ++joined }))
})
process.send!({ phase: "ready" })
