import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { Room } from "effect-voice"
import * as Frontend from "effect-voice/Frontend"
import * as Testing from "effect-voice/testing"

type Sent = Testing.Sent & { readonly at: number }

/** Runs a scenario in a room that serves frontends, and tells what these were sent, and when. */
const watched = (script: Testing.Scenario, options?: Frontend.Options) =>
  Effect.gen(function*() {
    const sent: Array<Sent> = []
    let all: Effect.Effect<ReadonlyArray<Testing.Sent>> = Effect.succeed([])
    const layer = Layer.effectContext(Effect.gen(function*() {
      const room = yield* Room.Room
      const { room: control } = yield* Testing.Caller
      all = control.sent
      yield* Effect.forkScoped(
        Stream.runForEach(control.sends, (message) =>
          Effect.clockWith((clock) =>
            Effect.sync(() =>
              void sent.push({ ...message, at: clock.currentTimeMillisUnsafe() })
            )
          )),
        { startImmediately: true }
      )
      return Context.make(Room.Room, { ...room, attach: (session) => Frontend.attach(session, options) })
    }))
    const timeline = yield* Testing.scenario({ preset: "mechanics", ...script, layer })
    // What was sent in the last breath, nobody has had the time to take down.
    const last = (yield* all).slice(sent.length).map((message) => ({ ...message, at: timeline.endedAt }))
    return { sent: [...sent, ...last], timeline }
  })

/** What a stock frontend shows: texts of the same stream grow, another text of the same segment takes their place. */
const shown = (sent: ReadonlyArray<Sent>) => {
  const segments = new Map<string, { who: string; text: string; final: boolean; streamId: string; track: string }>()
  const ofStream = new Map<string, string>()
  const seen: Array<readonly [number, string, string]> = []
  for (const message of sent) {
    if ((message._tag === "Text" || message._tag === "TextOpened") && message.topic === "lk.transcription") {
      const id = message.attributes["lk.segment_id"] ?? ""
      const streamId = message.streamId ?? `text-${seen.length}`
      const text = message._tag === "Text" ? message.text : ""
      const who = message.as ?? "agent"
      ofStream.set(streamId, id)
      segments.set(id, {
        who,
        text,
        final: message.attributes["lk.transcription_final"] === "true",
        streamId,
        track: message.attributes["lk.transcribed_track_id"] ?? ""
      })
      if (message._tag === "Text") seen.push([message.at, who, text])
    }
    if (message._tag === "TextWritten") {
      const segment = segments.get(ofStream.get(message.streamId) ?? "")
      if (segment === undefined) continue
      segment.text += message.text
      seen.push([message.at, segment.who, segment.text])
    }
  }
  return { messages: [...segments.values()], seen }
}

const hello = Testing.say(500, 2500, "Hello, how are you?")

const attributesOf = (sent: ReadonlyArray<Sent>, name: string) =>
  sent.flatMap((message) =>
    message._tag === "Attributes" && name in message.attributes ? [[message.at, message.attributes[name]]] : []
  )

describe("the agent's state", () => {
  it.effect("is an attribute of the agent, from the beginning to the end", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched({
        user: [hello],
        llm: ["I am fine."],
        tts: { duration: 2000 },
        at: [{ at: 8000, do: (session) => session.hangUp() }]
      })
      assert.deepStrictEqual(attributesOf(sent, "lk.agent.state"), [
        [0, "initializing"],
        [0, "listening"],
        [3000, "thinking"],
        [3500, "speaking"],
        [5500, "listening"],
        [8000, "idle"]
      ])
      assert.deepStrictEqual(attributesOf(sent, "lk.agent.name"), [[0, "agent"]])
    }))

  it.effect("is told by the name of the job's agent, or not at all", () =>
    Effect.gen(function*() {
      const named = yield* watched({ options: { job: { id: "job-1", agentName: "desk" } } })
      assert.deepStrictEqual(attributesOf(named.sent, "lk.agent.name"), [[0, "desk"]])
      const silent = yield* watched({ user: [hello], llm: ["Fine."] }, {
        state: false,
        transcripts: false,
        packets: false,
        remote: false
      })
      assert.deepStrictEqual(silent.sent, [])
    }))
})

describe("the user's words", () => {
  it.effect("come as a text for each update, in the user's name, the last one final", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched({
        user: [hello, Testing.say(8000, 9000, "Tell me more.")],
        stt: { interims: true },
        llm: ["I am fine.", "No."]
      })
      const texts = sent.flatMap((message) => message._tag === "Text" && message.as !== undefined ? [message] : [])
      const ids = [...new Set(texts.map(({ attributes }) => attributes["lk.segment_id"]))]
      assert.strictEqual(ids.length, 2)
      assert.isAtLeast(texts.length, 4)
      for (const { as, attributes } of texts) {
        assert.strictEqual(as, "caller")
        assert.strictEqual(attributes["lk.transcribed_track_id"], "microphone-caller")
      }
      assert.deepStrictEqual(
        texts.filter(({ attributes }) => attributes["lk.transcription_final"] === "true").map(({ text }) => text),
        ["Hello, how are you?", "Tell me more."]
      )
      const mine = shown(sent).messages.filter(({ who }) => who === "caller")
      assert.deepStrictEqual(mine.map(({ final, text }) => [text, final]), [
        ["Hello, how are you?", true],
        ["Tell me more.", true]
      ])
    }))
})

describe("the agent's words", () => {
  it.effect("grow as they are heard, and are closed with the whole", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched({
        user: [hello],
        llm: ["One two three four."],
        tts: { duration: 4000 },
        at: [{ at: 12_000, do: (session) => session.hangUp() }]
      })
      const { messages, seen } = shown(sent)
      const agent = messages.filter(({ who }) => who === "agent")
      assert.strictEqual(agent.length, 1)
      assert.deepStrictEqual(
        { ...agent[0], streamId: "" },
        { who: "agent", text: "One two three four.", final: true, track: "output-0", streamId: "" }
      )
      const growing = seen.filter(([, who]) => who === "agent")
      assert.isAbove(growing.length, 3)
      for (const [at, , text] of growing) {
        assert.isTrue("One two three four.".startsWith(text), text)
        if (at < 5000) assert.notInclude(text, "four")
      }
      assert.strictEqual(growing[0]?.[0], 3500)
      assert.strictEqual(growing.at(-1)?.[0], 7500)
      const opened = sent.filter(({ _tag }) => _tag === "TextOpened")
      const final = sent.find((message) => message._tag === "Text" && message.as === undefined)
      assert.strictEqual(opened.length, 1)
      assert.strictEqual(
        final?._tag === "Text" ? final.streamId : "",
        opened[0]?._tag === "TextOpened" ? opened[0].streamId : "none"
      )
      assert.strictEqual(sent.filter(({ _tag }) => _tag === "TextClosed").length, 1)
    }))

  it.effect("are each read once by who reads only what is final", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched({
        user: [hello, Testing.say(12_000, 13_000, "Tell me more.")],
        llm: ["One two three four.", "Five six."],
        at: [{ at: 20_000, do: (session) => session.hangUp() }]
      })
      const finals = sent.flatMap((message) =>
        message._tag === "Text" && message.as === undefined ? [[message.text, message.attributes]] as const : []
      )
      assert.deepStrictEqual(finals.map(([text]) => text), ["One two three four.", "Five six."])
      assert.isTrue(finals.every(([, attributes]) => attributes?.["lk.transcription_final"] === "true"))
      const growing = sent.flatMap((message) => message._tag === "TextOpened" ? [message.attributes] : [])
      assert.deepStrictEqual(growing.map((attributes) => attributes?.["lk.transcription_final"]), ["false", "false"])
      const segments = (all: ReadonlyArray<Readonly<Record<string, string>> | undefined>) =>
        all.map((attributes) => attributes?.["lk.segment_id"])
      assert.deepStrictEqual(segments(finals.map(([, attributes]) => attributes)), segments(growing))
    }))

  it.effect("end where the user cut in", () =>
    Effect.gen(function*() {
      const { sent, timeline } = yield* watched({
        user: [hello, Testing.say(5000, 6000, "Stop!")],
        llm: ["I will tell you a very long story now.", "Yes?"],
        tts: [{ duration: 10_000 }, { duration: 500 }]
      })
      const agent = shown(sent).messages.filter(({ who }) => who === "agent")
      assert.deepStrictEqual(agent.map(({ final, text }) => [text, final]), [["I will", true], ["Yes?", true]])
      assert.strictEqual(timeline.messages[1], "assistant: I will—")
    }))

  it.effect("come as they are written when they are not to wait for the voice, and still end at what was heard", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched({
        user: [hello, Testing.say(5000, 6000, "Stop!")],
        llm: ["I will tell you a very long story now.", "Yes?"],
        tts: [{ duration: 10_000 }, { duration: 500 }],
        options: { syncTranscript: false }
      })
      const { messages, seen } = shown(sent)
      const first = seen.find(([, , text]) => text === "I will tell you a very long story now.")
      assert.isBelow(first?.[0] ?? Infinity, 3501)
      assert.deepStrictEqual(messages.filter(({ who }) => who === "agent").map(({ final, text }) => [text, final]), [
        ["I will", true],
        ["Yes?", true]
      ])
    }))

  it.effect("are a segment for each stretch of speech, and leave nothing open", () =>
    Effect.gen(function*() {
      for (const syncTranscript of [true, false]) {
        const { sent, timeline } = yield* watched({
          at: [
            { at: 100, do: (session) => session.say("First of all.") },
            { at: 100, do: (session) => session.say("And then.") },
            // Cut short before a word of it was heard.
            { at: 200, do: (session) => session.say("Never heard.") },
            { at: 250, do: (session) => Effect.flatMap(session.say("Nor this."), (speech) => speech.interrupt()) },
            { at: 2300, do: (session) => session.close() }
          ],
          tts: { duration: 1000 },
          options: { syncTranscript }
        })
        assert.strictEqual(timeline.left, "")
        const { messages } = shown(sent)
        assert.isTrue(messages.every(({ final }) => final))
        assert.strictEqual(
          messages.filter(({ text }) => text.trim() !== "").map(({ text }) => text).join(" | ").slice(0, 19),
          "First of all. | And"
        )
        const open = new Set(sent.flatMap((message) => message._tag === "TextOpened" ? [message.streamId] : []))
        for (const message of sent) if (message._tag === "TextClosed") open.delete(message.streamId)
        assert.strictEqual(open.size, 0)
      }
    }))
})

describe("transcription packets", () => {
  const script: Testing.Scenario = {
    user: [hello],
    stt: { interims: true },
    llm: ["One two three four."],
    tts: { duration: 4000 }
  }

  it.effect("say the same with the whole text each time", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched(script)
      const packets = sent.flatMap((message) => message._tag === "Transcription" ? [message] : [])
      const last = (who: string) => packets.findLast(({ identity }) => identity === who)
      assert.deepStrictEqual(
        [last("caller")?.sid, last("caller")?.segments[0]?.text, last("caller")?.segments[0]?.final],
        ["microphone-caller", "Hello, how are you?", true]
      )
      assert.deepStrictEqual(
        [last("agent")?.sid, last("agent")?.segments[0]?.text, last("agent")?.segments[0]?.final],
        ["output-0", "One two three four.", true]
      )
      const agent = packets.filter(({ identity }) => identity === "agent").map(({ segments }) =>
        segments[0]?.text ?? ""
      )
      for (const [i, text] of agent.entries()) assert.isTrue(i === 0 || text.startsWith(agent[i - 1] ?? ""), text)
    }))

  it.effect("can be left out", () =>
    Effect.gen(function*() {
      const { sent } = yield* watched(script, { packets: false })
      assert.isFalse(sent.some(({ _tag }) => _tag === "Transcription"))
      assert.strictEqual(shown(sent).messages.length, 2)
    }))
})

describe("a room that does not take it", () => {
  it.effect("is no harm to the conversation, and is logged once aloud", () =>
    Effect.gen(function*() {
      const { sent, timeline } = yield* watched({
        user: [hello],
        stt: { interims: true },
        llm: ["I am fine."],
        at: [{
          at: 100,
          do: (_, caller) => caller.room.fail("send", new Room.RoomError({ reason: "PublishFailed", detail: "no" }))
        }]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: I am fine."])
      assert.deepStrictEqual(shown(sent).messages, [])
      const loud = timeline.logs.filter(({ level, text }) => level === "Warn" && text.includes("not sent"))
      assert.deepStrictEqual(loud.map(({ text }) => text).toSorted(), [
        "a message about the session was not sent",
        "a transcript as a packet was not sent",
        "a transcript was not sent",
        "the agent's state was not sent"
      ])
      assert.isFalse(JSON.stringify(timeline.logs).includes("fine"))
    }))

  it.effect("that is slow gets fewer, newer updates", () =>
    Effect.gen(function*() {
      const slow = (room: Room.Room["Service"]): Room.Room["Service"] => ({
        ...room,
        setAttributes: (attributes) => Effect.andThen(Effect.sleep(5000), room.setAttributes(attributes)),
        attach: (session) => Frontend.attach(session)
      })
      const layer = Layer.effect(Room.Room, Effect.map(Room.Room, slow))
      let states: Array<unknown> = []
      yield* Testing.scenario({
        user: [hello],
        llm: ["I am fine."],
        tts: { duration: 1000 },
        layer,
        at: [{
          at: 16_000,
          do: (_, caller) =>
            Effect.map(caller.room.sent, (sent) => {
              states = attributesOf(sent.map((one) => ({ ...one, at: 0 })), "lk.agent.state")
            })
        }]
      })
      assert.deepStrictEqual(states, [[0, "initializing"], [0, "listening"]])
    }))
})

describe("attached by hand", () => {
  it.effect("stops at once when its scope closes in mid-session", () =>
    Effect.gen(function*() {
      const sizes: Array<number> = []
      let found: Room.Room["Service"] | undefined
      const layer = Layer.effect(Room.Room, Effect.tap(Room.Room, (room) => Effect.sync(() => void (found = room))))
      const timeline = yield* Testing.scenario({
        layer,
        user: [hello],
        llm: ["I am fine."],
        at: [{
          at: 100,
          do: (session, caller) =>
            Effect.gen(function*() {
              const attached = yield* Effect.forkChild(Effect.scoped(
                Effect.andThen(Frontend.attach(session), Effect.never)
              ))
              yield* Effect.sleep(1000)
              yield* Fiber.interrupt(attached)
              sizes.push((yield* caller.room.sent).length)
              yield* Effect.sleep(8000)
              sizes.push((yield* caller.room.sent).length)
            }).pipe((effect) =>
              found === undefined ? Effect.die("no room") : Effect.provideService(effect, Room.Room, found)
            )
        }]
      })
      assert.deepStrictEqual(timeline.failures, [])
      assert.strictEqual(sizes[0], sizes[1])
      assert.strictEqual(timeline.left, "")
    }))
})
