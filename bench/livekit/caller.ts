/** A caller of the benchmark: rtc-node itself, with a microphone that is always open and an ear for the agent. */
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
import { Effect } from "effect"
import { Audio } from "effect-voice"
import { AccessToken, AgentDispatchClient } from "livekit-server-sdk"
import { EventEmitter } from "node:events"
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

const rate = 16_000
const frame = rate / 100
const loud = 0.01
export const patience = 10_000

const rms = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / samples.length)

/** Speech in pieces of 10 ms (16 kHz). */
const piecesOf = (samples: Int16Array): ReadonlyArray<Int16Array> =>
  Array.from({ length: Math.floor(samples.length / frame) }, (_, i) => samples.slice(i * frame, (i + 1) * frame))

const question = (() => {
  const bytes = readFileSync(new URL("../../test/fixtures/weather_question.wav", import.meta.url))
  const wav = Effect.runSync(Effect.fromResult(Audio.decodeWav(bytes)))
  const converter = Audio.converter({ to: Audio.speech })
  const { samples } = Audio.concat([...converter.push([wav]), ...converter.flush()])
  return samples
})()
const silence = new Int16Array(frame)

export interface Address {
  readonly url: string
  readonly key: string
  readonly secret: string
}

export interface Senses {
  /** Is told of each 10 ms of the agent: how loud they are (RMS, 0–1), and when they came. */
  readonly onPiece?: (level: number, at: number) => void
  /** What the microphone hears while nobody speaks, 10 ms at a time (16 kHz). @default silence */
  readonly background?: () => Int16Array
  /** Gets the agent to come. @default the server dispatches it to the room */
  readonly invite?: () => Promise<void>
}

/** Joins a room, where `agentName` is to be dispatched; `undefined` where the agent is there already, or is invited. */
export const enter = async (
  { key, secret, url }: Address,
  name: string,
  agentName: string | undefined,
  { background = () => silence, invite, onPiece }: Senses = {}
) => {
  const token = new AccessToken(key, secret, { identity: `caller-${name}` })
  token.addGrant({ roomJoin: true, room: name })
  const room = new Room()
  let lastHeard = 0
  let onLoud: (() => void) | undefined
  room.on("trackSubscribed", (track) => {
    if (!(track instanceof RemoteAudioTrack)) return
    void (async () => {
      for await (const { data } of new AudioStream(track, { sampleRate: rate, frameSizeMs: 10 })) {
        const level = rms(data)
        onPiece?.(level, performance.now())
        if (level <= loud) continue
        lastHeard = performance.now()
        onLoud?.()
      }
    })()
  })
  await room.connect(url, await token.toJwt(), { autoSubscribe: true, dynacast: false })
  const source = new AudioSource(rate, 1, 200)
  const track = LocalAudioTrack.createAudioTrack("microphone", source)
  await room.localParticipant!.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))

  // The microphone never stops: silence between the questions. One piece each 10 ms, by the clock.
  let queue: Array<{ readonly samples: Int16Array; readonly onSent?: (at: number) => void }> = []
  const over = new AbortController()
  const microphone = (async () => {
    let due = performance.now()
    while (!over.signal.aborted) {
      const next = queue.shift()
      const at = performance.now()
      await source.captureFrame(new AudioFrame(Int16Array.from(next?.samples ?? background()), rate, 1, frame))
      next?.onSent?.(at)
      due += 10
      const wait = due - performance.now()
      if (wait > 0) await sleep(wait)
    }
  })()
  /** Says it; gives when the first and when the last loud piece of it left the microphone. */
  const say = async (samples: Int16Array) => {
    const pieces = piecesOf(samples)
    const firstLoud = pieces.findIndex((piece) => rms(piece) > loud)
    const lastLoud = pieces.findLastIndex((piece) => rms(piece) > loud)
    const times = { first: 0, last: 0 }
    const asked = Promise.withResolvers<void>()
    // Silence that has piled up in the native queue while the machine was busy would stay there, and delay every
    // question to come; what the source says of its queue does not know of it.
    source.clearQueue()
    queue = pieces.map((samples, i) => ({
      samples,
      onSent: (at: number) => {
        if (i === firstLoud) times.first = at
        if (i !== lastLoud) return
        times.last = at
        asked.resolve()
      }
    }))
    await asked.promise
    return times
  }
  const ask = () => say(question)
  /** The agent's first loud piece from now on. */
  const reply = (): Promise<number | undefined> => {
    const heard = Promise.withResolvers<number>()
    onLoud = () => {
      onLoud = undefined
      heard.resolve(performance.now())
    }
    return Promise.race([heard.promise, sleep(patience, undefined, { ref: false })])
  }
  /** When the agent was last heard, once it has been silent for a while. */
  const quiet = async () => {
    while (performance.now() - lastHeard < 700) await sleep(10)
    return lastHeard
  }
  const join = async () => {
    if (agentName === undefined) return undefined
    const begin = performance.now()
    const joined = Promise.withResolvers<number>()
    room.on("participantConnected", () => joined.resolve(performance.now() - begin))
    if (invite === undefined) {
      await new AgentDispatchClient(url.replace("ws", "http"), key, secret).createDispatch(name, agentName)
    } else await invite()
    return joined.promise
  }
  const leave = async () => {
    over.abort()
    await microphone
    source.clearQueue()
    try {
      await room.disconnect()
    } catch {
      // The server has ended it.
    }
    // A room that the server has ended keeps its listener.
    const client: unknown = Reflect.get(globalThis, "_ffiClientInstance")
    const listener: unknown = Reflect.get(room, "onFfiEvent")
    if (client instanceof EventEmitter && typeof listener === "function") {
      client.off("ffi_event", listener as () => void)
    }
    await track.close()
  }
  return { say, ask, reply, quiet, join, leave }
}

export type Caller = Awaited<ReturnType<typeof enter>>
