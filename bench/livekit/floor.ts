/**
 * The floor of the benchmark: rtc-node alone, with the same Silero and the same
 * 500 ms, and the same tone for an answer. What an agent costs beyond it is ours.
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
import { Effect, Queue, Stream } from "effect"
import { type Audio, Vad } from "effect-voice"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { AccessToken } from "livekit-server-sdk"
import { reply } from "./reply.ts"

const frame = reply.sampleRate / 50

/** One room: everything that was said before 500 ms of silence is answered. */
const serve = (url: string, token: string) =>
  Effect.gen(function*() {
    const frames = yield* Queue.sliding<Audio.Frame>(100)
    const room = new Room()
    room.on("trackSubscribed", (track) => {
      if (!(track instanceof RemoteAudioTrack)) return
      void (async () => {
        for await (const { data } of new AudioStream(track, { sampleRate: 16_000, frameSizeMs: 20 })) {
          Queue.offerUnsafe(frames, { samples: data, sampleRate: 16_000, channels: 1 })
        }
      })()
    })
    const source = new AudioSource(reply.sampleRate, 1, 200)
    const track = LocalAudioTrack.createAudioTrack("agent-audio", source)
    yield* Effect.promise(async () => {
      await room.connect(url, token, { autoSubscribe: true, dynacast: false })
      const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE })
      await room.localParticipant!.publishTrack(track, options)
    })
    const answer = async () => {
      for (let at = 0; at < reply.samples.length; at += frame) {
        await source.captureFrame(new AudioFrame(reply.samples.slice(at, at + frame), reply.sampleRate, 1, frame))
      }
    }
    yield* Stream.fromQueue(frames).pipe(
      Vad.detect({ minSilence: "500 millis" }),
      Stream.filter((boundary) => boundary._tag === "SpeechEnded"),
      Stream.runForEach(() => Effect.promise(answer)),
      Effect.forkChild
    )
  })

process.once(
  "message",
  (
    job: { readonly url: string; readonly key: string; readonly secret: string; readonly rooms: ReadonlyArray<string> }
  ) => {
    void Effect.runPromise(
      Effect.gen(function*() {
        for (const name of job.rooms) {
          const token = new AccessToken(job.key, job.secret, { identity: `agent-${name}` })
          token.kind = "agent"
          token.addGrant({ roomJoin: true, room: name, agent: true })
          yield* serve(job.url, yield* Effect.promise(() => token.toJwt()))
        }
        process.send!({ phase: "ready" })
        return yield* Effect.never
      }).pipe(Effect.provide(SileroVad.layer()))
    )
  }
)
