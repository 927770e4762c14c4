import { assert, describe, it } from "@effect/vitest"
import * as Rtc from "@livekit/rtc-node"
import { Effect } from "effect"
import { Audio } from "effect-voice"
import { question, talk } from "./support/agents.ts"
import { type Caller, caller, livekit, now, roomName, until } from "./support/people.ts"

interface Text {
  readonly sender: string
  readonly streamId: string
  readonly attributes: Readonly<Record<string, string>>
  readonly chunks: Array<{ readonly at: number; readonly text: string }>
  done: boolean
}

/** What a stock client takes in: every text on `lk.transcription`, and the agent's states. */
const frontend = ({ room }: Caller) =>
  Effect.sync(() => {
    const texts: Array<Text> = []
    const states: Array<string> = []
    const look = (): void => {
      const state = room.remoteParticipants.get("agent")?.attributes["lk.agent.state"]
      if (state !== undefined && states.at(-1) !== state) states.push(state)
    }
    room.on("participantAttributesChanged", look)
    room.on("participantConnected", look)
    room.registerTextStreamHandler("lk.transcription", (reader, { identity }) => {
      const { attributes, streamId } = reader.info
      const text: Text = { sender: identity, streamId, attributes: { ...attributes }, chunks: [], done: false }
      texts.push(text)
      void (async () => {
        for await (const chunk of reader) text.chunks.push({ at: now(), text: chunk })
        text.done = true
      })()
    })
    const whole = ({ chunks }: Text) => chunks.map(({ text }) => text).join("")
    /** As the stock hooks do: a newer text of a segment takes the place of the older. */
    const shown = () => {
      const segments = new Map<string, Text>()
      for (const text of texts) segments.set(text.attributes["lk.segment_id"] ?? "", text)
      return [...segments.values()].map((text) => ({
        sender: text.sender,
        text: whole(text),
        final: text.attributes["lk.transcription_final"] === "true"
      }))
    }
    return { texts, states, shown, whole }
  })

const isFinal = ({ attributes }: Text) => attributes["lk.transcription_final"] === "true"

describe.skipIf(livekit === undefined)("a stock frontend", () => {
  it.live("sees the agent's state and what both have said, as it is heard", () =>
    Effect.gen(function*() {
      const room = roomName()
      const ann = yield* caller({ room })
      const { shown, states, texts, whole } = yield* frontend(ann)
      const { of } = yield* talk({
        room,
        greeting: "Good morning.",
        script: ["The weather in Paris is fine, and it is going to be so for the rest of the whole long week."]
      })
      yield* until(() => of("AgentSpeechCommitted").length === 1)
      yield* ann.says(question)
      yield* ann.hears("agent", now())
      yield* until(() => texts.some((text) => text.sender === "agent" && whole(text).includes("Paris")))
      // Cuts in while the agent is at it.
      yield* ann.says(question)
      yield* until(() => of("AgentSpeechCommitted").some(({ interrupted }) => interrupted))
      const cut = of("AgentSpeechCommitted").find(({ interrupted }) => interrupted)
      yield* until(() => shown().some(({ final, text }) => final && text === cut?.text))

      const agents = texts.filter(({ sender }) => sender === "agent")
      const growing = agents.filter((text) => !isFinal(text) && text.chunks.length > 0)
      const reply = growing.find((text) => whole(text).startsWith("The weather"))
      const greeting = agents.filter((text) => whole(text) === "Good morning.")
      // Its text comes with the voice, not at once, and its end takes its place under the same ids.
      assert.isAbove(reply?.chunks.length ?? 0, 3)
      assert.isAbove((reply?.chunks.at(-1)?.at ?? 0) - (reply?.chunks[0]?.at ?? 0), 300)
      assert.isTrue(greeting.some(isFinal))
      const closing = agents.filter((text) => isFinal(text) && text.streamId === reply?.streamId)
      assert.deepStrictEqual(closing.map(whole), [cut?.text ?? ""])
      assert.strictEqual(closing[0]?.attributes["lk.segment_id"], reply?.attributes["lk.segment_id"])
      const track = [...(ann.room.remoteParticipants.get("agent")?.trackPublications.keys() ?? [])][0]
      assert.strictEqual(reply?.attributes["lk.transcribed_track_id"], track)

      const mine = texts.filter(({ sender }) => sender === "ann")
      const own = [...(ann.room.localParticipant?.trackPublications.keys() ?? [])][0]
      assert.isAbove(mine.length, 0)
      assert.isTrue(mine.every((text) => /^I spoke for \d+\.$/.test(whole(text)) && isFinal(text)))
      assert.strictEqual(mine[0]?.attributes["lk.transcribed_track_id"], own)
      assert.deepStrictEqual(
        states.filter((state, i) => states.indexOf(state) === i).toSorted(),
        [
          "initializing",
          "listening",
          "speaking",
          "thinking"
        ].filter((state) => states.includes(state))
      )
      assert.includeMembers(states, ["listening", "thinking", "speaking"])
      assert.strictEqual(ann.room.remoteParticipants.get("agent")?.attributes["lk.agent.name"], "agent")
    }))

  it.live("types to the agent, which stops and answers", () =>
    Effect.gen(function*() {
      const room = roomName()
      const ann = yield* caller({ room })
      const { shown } = yield* frontend(ann)
      const { of } = yield* talk({
        room,
        greeting: "Let me tell you at length about everything that has ever happened in this town, and more.",
        script: ["You wrote to me."]
      })
      yield* ann.hears("agent", 0)
      yield* Effect.promise(() => ann.room.localParticipant!.sendText("Stop it", { topic: "lk.chat" }))
      yield* until(() => shown().some(({ final, text }) => final && text === "You wrote to me."))
      assert.deepStrictEqual(of("UserSpeechCommitted").map(({ source, text }) => [source, text]), [["text", "Stop it"]])
      assert.isTrue(of("AgentSpeechCommitted")[0]?.interrupted)
    }))

  it.live("has recorded what was said before the agent came, and is answered", () =>
    Effect.gen(function*() {
      const room = roomName()
      const ann = yield* caller({ room, microphone: false })
      const source = new Rtc.AudioSource(16_000, 1, 1000)
      const track = Rtc.LocalAudioTrack.createAudioTrack("microphone", source)
      const publication = yield* Effect.promise(() =>
        ann.room.localParticipant!.publishTrack(
          track,
          new Rtc.TrackPublishOptions({ source: Rtc.TrackSource.SOURCE_MICROPHONE, preconnectBuffer: true })
        )
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => source.clearQueue()))
      ann.room.on("participantConnected", (participant) => {
        if (participant.identity !== "agent") return
        void (async () => {
          const writer = await ann.room.localParticipant!.streamBytes({
            name: "preconnect-buffer",
            topic: "lk.agent.pre-connect-audio-buffer",
            destinationIdentities: ["agent"],
            attributes: {
              trackId: publication.sid ?? "",
              sampleRate: String(question.sampleRate),
              channels: String(question.channels)
            }
          })
          await writer.write(new Uint8Array(question.samples.buffer.slice(0)))
          await writer.close()
        })()
      })
      const { of } = yield* talk({ room, script: ["I heard you."] })
      yield* until(() => of("AgentSpeechCommitted").length === 1)
      const heard = Number(/\d+/.exec(of("UserTranscript")[0]?.text ?? "")?.[0])
      assert.isAbove(heard, Audio.durationMs(question) * 0.6)
      assert.strictEqual(of("AgentSpeechCommitted")[0]?.text, "I heard you.")
    }))
})
