import { assert, describe, it } from "@effect/vitest"
import { AgentSession as pb } from "@livekit/protocol"
import { AudioSource, LocalAudioTrack, TrackPublishOptions, TrackSource } from "@livekit/rtc-node"
import { Effect, Layer } from "effect"
import { Agent, Audio, Pipeline } from "effect-voice"
import * as LiveKitRoom from "effect-voice/Layers/LiveKitRoom"
import { question, services, talk } from "./support/agents.ts"
import { agentToken, type Caller, caller, livekit, now, roomName, until, url } from "./support/people.ts"

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
    /** As the stock hooks do: a newer text of a segment takes the place of the older with its first piece. */
    const shown = () => {
      const segments = new Map<string, Text>()
      for (const text of texts) if (text.chunks.length > 0) segments.set(text.attributes["lk.segment_id"] ?? "", text)
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
        // A state that is over before the room could take it is not shown.
        thinks: 1000,
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

  it.live("asks about the session, and is told of it", () =>
    Effect.gen(function*() {
      const room = roomName()
      const ann = yield* caller({ room })
      const messages: Array<pb.AgentSessionMessage["message"]> = []
      ann.room.registerByteStreamHandler("lk.agent.session", (reader) => {
        void (async () => {
          const [first, ...rest] = await reader.readAll()
          assert.strictEqual(rest.length, 0)
          if (first !== undefined) messages.push(pb.AgentSessionMessage.fromBinary(first).message)
        })()
      })
      const { of } = yield* talk({ room, greeting: "Good morning.", script: ["Hello to you."] })
      yield* until(() => of("AgentSpeechCommitted").length === 1)
      const request = new pb.AgentSessionMessage({
        message: {
          case: "request",
          value: { requestId: "one", request: { case: "runInput", value: { text: "Hello" } } }
        }
      })
      yield* Effect.promise(async () => {
        const writer = await ann.room.localParticipant!.streamBytes({
          name: "AS_1",
          topic: "lk.agent.session",
          destinationIdentities: ["agent"]
        })
        await writer.write(new Uint8Array(request.toBinary()))
        await writer.close()
      })
      yield* until(() => messages.some((message) => message.case === "response"))
      const answer = messages.find((message) => message.case === "response")
      const response = answer?.case === "response" ? answer.value : undefined
      assert.strictEqual(response?.requestId, "one")
      assert.strictEqual(response?.response.case === "runInput" ? response.response.value.items.length : 0, 2)
      const events = messages.flatMap((message) => message.case === "event" ? [message.value.event.case] : [])
      assert.includeMembers(events, ["agentStateChanged", "conversationItemAdded"])
    }))

  it.live("has recorded what was said before the agent came, and is answered", () =>
    Effect.gen(function*() {
      const room = roomName()
      const ann = yield* caller({ room, microphone: false })
      const source = new AudioSource(16_000, 1, 1000)
      const track = LocalAudioTrack.createAudioTrack("microphone", source)
      const publication = yield* Effect.promise(() =>
        ann.room.localParticipant!.publishTrack(
          track,
          new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE, preconnectBuffer: true })
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

  it.live("of each of two callers knows of its own conversation alone", () =>
    Effect.gen(function*() {
      const room = roomName()
      const token = yield* agentToken(room)
      const context = yield* Layer.build(Layer.merge(
        LiveKitRoom.layer({ url: url(), token }),
        services(({ index }) => `This is answer number ${["one", "two"][index] ?? "many"}.`)
      ))
      const committed: Array<readonly [who: string, text: string]> = []
      yield* Effect.forkScoped(Effect.provide(
        Pipeline.each(Agent.make({ instructions: "" }), {
          turn: { preemption: { llm: false, tts: false }, interruption: { echoWarmUp: 0 } },
          onEvent: (event, { identity }) => {
            if (event._tag === "AgentSpeechCommitted") committed.push([identity, event.text])
          }
        }),
        context
      ))
      const [ann, bob] = yield* Effect.all([caller({ room }), caller({ room, identity: "bob" })])
      const [anns, bobs] = yield* Effect.all([frontend(ann), frontend(bob)])
      yield* Effect.all([ann.says(question), bob.says(question)], { concurrency: "unbounded" })
      yield* until(() => committed.length === 2)
      for (const [who, { shown }] of [["ann", anns], ["bob", bobs]] as const) {
        yield* until(() => shown().some(({ final, sender }) => final && sender === "agent"))
        const texts = shown().filter(({ sender }) => sender === "agent").map(({ text }) => text)
        assert.deepStrictEqual(texts, committed.filter(([identity]) => identity === who).map(([, text]) => text))
        assert.isTrue(shown().every(({ sender }) => sender === "agent" || sender === who))
      }
      const tracks = [...(ann.room.remoteParticipants.get("agent")?.trackPublications.values() ?? [])]
      assert.deepStrictEqual(tracks.map(({ name }) => name).toSorted(), ["agent-audio-ann", "agent-audio-bob"])
    }))
})
