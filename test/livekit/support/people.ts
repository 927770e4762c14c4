/** Who is in a room besides the agent: rtc-node itself, so that our own side is not tested against itself. */
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
import { Effect, Redacted, type Scope } from "effect"
import { Audio } from "effect-voice"
import { asRecord, client, hold } from "effect-voice/internal/livekit/rtc"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { AccessToken, RoomAgentDispatch, RoomConfiguration, RoomServiceClient } from "livekit-server-sdk"
import { performance } from "node:perf_hooks"
import { inject } from "vitest"
import type { Address } from "./server.ts"

/** The server of this run; absent where there is none. */
export const livekit: Address | undefined = inject("livekit")

const address = (): Address => {
  if (livekit === undefined) throw new Error("there is no LiveKit server")
  return livekit
}

export const url = (): string => address().url

let rooms = 0
/** A name that no other test has. */
export const roomName = (): string => `room-${process.pid}-${++rooms}`

/** What the server does by itself. */
export const operator = (at: Address = address()): RoomServiceClient =>
  new RoomServiceClient(at.url.replace("ws", "http"), at.key, at.secret)

export const agentToken = (room: string, identity = "agent", at: Address = address()) =>
  LiveKitRoom.token({ apiKey: at.key, apiSecret: Redacted.make(at.secret), room, identity })

const signed = async (room: string, options: CallerOptions): Promise<string> => {
  const { key, secret } = options.at ?? address()
  const token = new AccessToken(key, secret, {
    identity: options.identity ?? "ann",
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.attributes === undefined ? {} : { attributes: { ...options.attributes } })
  })
  if (options.kind !== undefined) token.kind = options.kind
  if (options.agent !== undefined) {
    token.roomConfig = new RoomConfiguration({ agents: [new RoomAgentDispatch(options.agent)] })
  }
  token.addGrant({
    roomJoin: true,
    room,
    canUpdateOwnMetadata: true,
    ...(options.kind === "agent" ? { agent: true } : {})
  })
  return token.toJwt()
}

/** The token with which such a caller joins. */
export const callerToken = (options: CallerOptions): Effect.Effect<string> =>
  Effect.promise(() => signed(options.room, options))

export interface CallerOptions {
  readonly room: string
  /** @default "ann" */
  readonly identity?: string | undefined
  readonly name?: string | undefined
  readonly metadata?: string | undefined
  readonly kind?: "standard" | "sip" | "agent" | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Shared key of an encrypted room. */
  readonly key?: string | undefined
  /** Agent that their token asks for, if they are the first in the room. */
  readonly agent?: { readonly agentName: string; readonly metadata: string } | undefined
  /** Publishes a microphone. @default true */
  readonly microphone?: boolean | undefined
  readonly at?: Address | undefined
}

/** A piece of what was heard, and when (ms of `performance.now`). */
export interface Heard {
  readonly at: number
  readonly identity: string
  /** Name of the track. */
  readonly track: string
  readonly rms: number
  readonly samples: Int16Array
}

/** A microphone that is published. */
export interface Microphone {
  /** Says it in real time, and returns when it has been said. */
  readonly says: (frame: Audio.Frame) => Effect.Effect<void>
  readonly mutes: (muted: boolean) => Effect.Effect<void>
  /** Waits until somebody is given it: what is said before is heard by nobody. */
  readonly isTaken: Effect.Effect<void>
  /** Publishes it no more. */
  readonly closes: Effect.Effect<void>
}

export interface Caller extends Microphone {
  readonly room: Room
  readonly identity: string
  /** Publishes another microphone beside those that there are. */
  readonly opens: Effect.Effect<Microphone>
  readonly heard: ReadonlyArray<Heard>
  /** Milliseconds of loud audio from someone, between two times. */
  readonly loudMs: (identity: string, from?: number, to?: number) => number
  /** Whether an agent says that it speaks: a busy machine tears holes into what is heard of it. */
  readonly speaks: (identity: string) => boolean
  /** Waits until someone has been loud since a time; tells when. */
  readonly hears: (identity: string, since: number) => Effect.Effect<number>
  /** Waits until nothing loud came for so long, and an agent speaks no more; tells when the last of it ended. */
  readonly hearsSilence: (identity: string, forMs?: number) => Effect.Effect<number>
  readonly leaves: Effect.Effect<void>
}

export const now = (): number => performance.now()

const isListener = (u: unknown): u is (event: unknown) => void => typeof u === "function"

const frameMs = 10
const loud = 0.01
export const isLoud = ({ rms }: Heard): boolean => rms > loud

/** Samples that the engine is handed at once, ten seconds: it has its own pace, also where this process stands still. */
const handed = 160_000

/** Waits until something is so, looking often. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(10), until(condition)))

/** Joins a room as someone with rtc-node, until the scope closes. */
export const caller = (options: CallerOptions): Effect.Effect<Caller, never, Scope.Scope> =>
  Effect.gen(function*() {
    yield* Effect.orDie(hold({ captureLogs: false }))
    const identity = options.identity ?? "ann"
    const heard: Array<Heard> = []
    const room = new Room()
    room.setMaxListeners(0)
    const readers = new Set<ReadableStreamDefaultReader<AudioFrame>>()
    room.on("trackSubscribed", (track, publication, participant) => {
      if (!(track instanceof RemoteAudioTrack)) return
      const reader: ReadableStreamDefaultReader<AudioFrame> = new AudioStream(track, {
        sampleRate: 16_000,
        frameSizeMs: frameMs
      }).getReader()
      readers.add(reader)
      const listen = async (): Promise<void> => {
        while (true) {
          const { done, value } = await reader.read()
          if (done) return
          const frame = { ...Audio.speech, samples: value.data }
          heard.push({
            at: now(),
            identity: participant.identity,
            track: publication.name ?? "",
            rms: Audio.rms(frame),
            samples: value.data
          })
        }
      }
      void listen()
    })
    const { url } = options.at ?? address()
    yield* Effect.promise(async () =>
      room.connect(url, await signed(options.room, options), {
        autoSubscribe: true,
        dynacast: false,
        ...(options.key === undefined ? {} : {
          encryption: { keyProviderOptions: { sharedKey: new TextEncoder().encode(options.key) } }
        })
      })
    )
    let gone = false
    const microphones: Array<{ readonly source: AudioSource; readonly track: LocalAudioTrack }> = []
    const makeMicrophone = (publishes: boolean): Effect.Effect<Microphone> =>
      Effect.promise(async () => {
        const source = new AudioSource(16_000, 1, 2 * handed / 16)
        const track = LocalAudioTrack.createAudioTrack("microphone", source)
        microphones.push({ source, track })
        const publication = publishes
          ? await room.localParticipant!.publishTrack(
            track,
            new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE })
          )
          : undefined
        return {
          says: (frame) => {
            const converter = Audio.converter({ to: Audio.speech })
            const samples = Audio.concat([...converter.push([frame]), ...converter.flush()]).samples
            return Effect.promise(async () => {
              for (let at = 0; at < samples.length; at += handed) {
                if (gone) return
                const rest = samples.subarray(at, at + handed)
                const part = new Int16Array(Math.ceil(rest.length / 320) * 320)
                part.set(rest)
                await source.captureFrame(new AudioFrame(part, 16_000, 1, part.length))
              }
              await source.waitForPlayout()
            })
          },
          mutes: (muted) =>
            Effect.sync(() => {
              const request = asRecord(client())["request"]
              const handle = asRecord(Reflect.get(track, "ffi_handle"))["handle"]
              if (typeof request !== "function") throw new Error("the engine takes no requests")
              request.call(client(), {
                message: { case: "localTrackMute", value: { trackHandle: handle, mute: muted } }
              })
            }),
          isTaken: Effect.promise(async () => publication?.waitForSubscription()),
          closes: Effect.promise(async () => {
            if (publication?.sid !== undefined) await room.localParticipant!.unpublishTrack(publication.sid)
          })
        }
      })
    const microphone = yield* makeMicrophone(options.microphone !== false)
    const leaves = Effect.promise(async () => {
      if (gone) return
      gone = true
      for (const { source } of microphones) source.clearQueue()
      for (const reader of readers) await reader.cancel()
      await room.disconnect().catch(() => {})
      // A room that the server has ended keeps its listener.
      const listener: unknown = Reflect.get(room, "onFfiEvent")
      if (isListener(listener)) client()?.off("ffi_event", listener)
      for (const { source, track } of microphones) {
        source.clearQueue()
        await track.close()
      }
    })
    yield* Effect.addFinalizer(() => leaves)

    const loudOf = (from: number, to: number, who: string) =>
      heard.filter((one) => one.identity === who && one.at >= from && one.at <= to && isLoud(one))
    const speaks = (who: string): boolean =>
      room.remoteParticipants.get(who)?.attributes["lk.agent.state"] === "speaking"
    return {
      ...microphone,
      room,
      speaks,
      identity,
      opens: makeMicrophone(true),
      heard,
      loudMs: (who, from = 0, to = Number.POSITIVE_INFINITY) => loudOf(from, to, who).length * frameMs,
      hears: (who, since) =>
        Effect.map(
          until(() => loudOf(since, Number.POSITIVE_INFINITY, who).length > 1),
          () => loudOf(since, Number.POSITIVE_INFINITY, who)[0]!.at
        ),
      hearsSilence: (who, forMs = 500) => {
        const last = () => heard.findLast((one) => one.identity === who && isLoud(one))?.at ?? 0
        return Effect.map(until(() => !speaks(who) && now() - last() > forMs), last)
      },
      leaves
    }
  })

/** A tone of a frequency (Hz). */
export const tone = (ms: number, frequency = 440, level = 8000): Audio.Frame => ({
  ...Audio.speech,
  samples: Int16Array.from(
    { length: ms * 16 },
    (_, i) => Math.round(level * Math.sin(2 * Math.PI * frequency * i / Audio.speech.sampleRate))
  )
})
