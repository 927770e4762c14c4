/** Which of the tracks of a participant in a LiveKit room is heard. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { Audio } from "effect-voice"
import { makeParticipants } from "effect-voice/internal/livekit/participants"
import type { Rtc, RtcRemoteParticipant } from "effect-voice/internal/livekit/rtc"

const [unknown, camera, microphone, screen] = [0, 1, 2, 4] as const

interface Told {
  readonly name: string
  readonly source?: number
  readonly muted?: boolean
  /** It is not received. */
  readonly away?: boolean
}

/** The track that is heard of each list of publications, one after the other. */
const heard = (lists: ReadonlyArray<ReadonlyArray<Told>>) =>
  Effect.gen(function*() {
    let open: unknown
    class AudioStream {
      constructor(track: unknown) {
        open = track
      }
      getReader() {
        return { read: () => Promise.withResolvers().promise, cancel: async () => void (open = undefined) }
      }
    }
    const participants = makeParticipants({
      rtc: { AudioStream } as unknown as Rtc,
      clock: yield* Clock.Clock,
      frameMs: 20,
      bufferMs: 1000,
      publish: () => {}
    })
    const tracks = new Map<string, { readonly name: string }>()
    const trackOf = (name: string) => tracks.get(name) ?? tracks.set(name, { name }).get(name)
    const remote = (list: ReadonlyArray<Told>) =>
      ({
        identity: "ann",
        kind: 0,
        metadata: "",
        attributes: {},
        trackPublications: new Map(list.map(({ away, muted = false, name, source = microphone }) => [
          name,
          {
            sid: name,
            kind: 1,
            source,
            muted,
            track: away === true ? undefined : trackOf(name),
            setSubscribed: () => {}
          }
        ]))
      }) as unknown as RtcRemoteParticipant
    participants.arrive(remote(lists[0]!))
    yield* Effect.asVoid(yield* Effect.fromNullishOr(participants.listen("ann", Audio.speech)))
    const seen: Array<string | undefined> = []
    for (const list of lists) {
      participants.follow(remote(list))
      seen.push((open as { readonly name: string } | undefined)?.name)
    }
    participants.end()
    return seen
  }).pipe(Effect.scoped)

describe("a microphone", () => {
  it.effect("is the one that was taken last, of those that are not muted", () =>
    Effect.gen(function*() {
      const [a, b] = [{ name: "a" }, { name: "b" }]
      assert.deepStrictEqual(
        yield* heard([
          [a],
          [a, b],
          [a, { ...b, muted: true }],
          [{ ...a, muted: true }, { ...b, muted: true }],
          [b],
          [{ ...a, away: true }, b],
          [b, { ...a, away: true }]
        ]),
        ["a", "b", "a", "b", "b", "b", "b"]
      )
    }))

  it.effect("is what says that it is one, before what says nothing, and never a screen or a camera", () =>
    Effect.gen(function*() {
      const [nameless, mine] = [{ name: "nameless", source: unknown }, { name: "mine" }]
      assert.deepStrictEqual(
        yield* heard([
          [nameless, { name: "screen", source: screen }, { name: "camera", source: camera }],
          [mine, nameless],
          [{ ...mine, muted: true }, nameless]
        ]),
        ["nameless", "mine", "mine"]
      )
    }))
})
