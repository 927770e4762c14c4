/** A model of OpenAI that hears and speaks, against a stand-in of the published protocol. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Redacted, Schema, Scope, Stream } from "effect"
import { Agent, Audio, Cost, Failure, Llm, type Session } from "effect-voice"
import * as OpenAiRealtime from "effect-voice/Layers/OpenAiRealtime"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import * as faulty from "./contract/faults.ts"
import { contract } from "./contract/llm.ts"
import * as stub from "./support/openaiRealtime.ts"

const apiKey = Redacted.make("sk-secret-key")

const weather = Tool.make("get_weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const system = (content: string) => ({ role: "system" as const, content })
const user = (text: string) => ({ role: "user" as const, content: [{ type: "text" as const, text }] })
const assistant = (text: string) => ({ role: "assistant" as const, content: [{ type: "text" as const, text }] })

/** A server, the model that asks it, and a conversation that all of its requests belong to. */
const setting = (
  options: Parameters<typeof stub.serve>[0],
  more: OpenAiRealtime.Options = {}
) =>
  Effect.gen(function*() {
    const server = yield* stub.serve(options)
    const llm = yield* OpenAiRealtime.make({ apiKey, baseUrl: `${server.url}/v1`, ...more })
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const conversation = { scope }
    const replying = (prompt: Prompt.RawInput, asked: Partial<Llm.Request> = {}) =>
      Stream.provideService(
        llm.reply({ prompt: Prompt.make(prompt), tools: [], ...asked }),
        Llm.Conversation,
        conversation
      )
    const reply = (prompt: Prompt.RawInput, asked?: Partial<Llm.Request>) => Stream.runCollect(replying(prompt, asked))
    return { server, llm, reply, replying, scope }
  })

const words = (deltas: ReadonlyArray<Llm.Delta>) =>
  deltas.map((delta) => delta._tag === "Speech" ? delta.text ?? "" : "").join("")

const lengthOf = (deltas: ReadonlyArray<Llm.Delta>) =>
  deltas.reduce(
    (ms, delta) => ms + (delta._tag === "Speech" && delta.frame !== undefined ? Audio.durationMs(delta.frame) : 0),
    0
  )

const reasonOf = (deltas: ReadonlyArray<Llm.Delta>) => {
  const last = deltas.at(-1)
  return last?._tag === "Finish" ? last.reason : undefined
}

/** Waits for the server's side of something that has been sent. */
const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    holds() ? Effect.void : Effect.andThen(
      Effect.callback<void>((done) => {
        setImmediate(() => done(Effect.void))
      }),
      until(holds)
    )
  )

contract(
  "OpenAiRealtime",
  Layer.unwrap(Effect.map(
    stub.serve({ replies: [{ text: "Hello there, how are you?" }] }),
    ({ url }) => OpenAiRealtime.layer({ apiKey, baseUrl: `${url}/v1` })
  )),
  { live: true }
)

const well = stub.behaving({ replies: [{ text: "Good morning to you." }] }).stub

faulty.webSocket("OpenAiRealtime", {
  ask: faulty.llm((url) => OpenAiRealtime.layer({ apiKey: faulty.apiKey, baseUrl: url.replace("ws", "http") })),
  well,
  said: "Good morning to you.",
  first: [
    { type: "response.created", response: { id: "resp_1" } },
    { type: "response.output_audio_transcript.delta", response_id: "resp_1", item_id: "item_s1", delta: "Good" }
  ],
  harmless: [
    { type: "session.created", session: { id: "s" } },
    { type: "brand.new", deep: { er: [1] } },
    { type: "response.output_audio_transcript.delta", response_id: "resp_0", item_id: "b", delta: "No" },
    { type: "rate_limits.updated", rate_limits: [] }
  ],
  input: false
})

describe("a reply", () => {
  it.live("is asked for with all that the model is to know, and is heard as it is spoken", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [{ text: "It is warm." }] }, { speed: 1.1, maxTokens: 500 })
      const deltas = yield* reply([system("Be brief."), assistant("Hello."), user("Is it warm?")], { tools: [weather] })
      assert.strictEqual(words(deltas), "It is warm.")
      assert.strictEqual(lengthOf(deltas), 300)
      assert.deepStrictEqual(deltas.at(-1), {
        _tag: "Finish",
        reason: "stop",
        model: "gpt-realtime",
        usage: {
          inputTokens: 200,
          outputTokens: 100,
          cachedInputTokens: 90,
          audioInputTokens: 120,
          cachedAudioInputTokens: 60,
          audioOutputTokens: 80
        }
      })
      const [session] = server.sessions
      assert.strictEqual(session!.peer.url.href.replace(/^.*\/v1/, ""), "/realtime?model=gpt-realtime")
      assert.strictEqual(session!.peer.headers.authorization, "Bearer sk-secret-key")
      assert.deepStrictEqual(session!.events[0], {
        type: "session.update",
        session: {
          type: "realtime",
          output_modalities: ["audio"],
          audio: {
            input: { format: { type: "audio/pcm", rate: 24_000 }, turn_detection: null },
            output: { format: { type: "audio/pcm", rate: 24_000 }, voice: "marin", speed: 1.1 }
          }
        }
      })
      const asked = session!.events.at(-1)!
      assert.deepStrictEqual(asked, {
        type: "response.create",
        event_id: asked.event_id!,
        response: {
          output_modalities: ["audio"],
          instructions: "Be brief.",
          tool_choice: "auto",
          max_output_tokens: 500,
          tools: [{
            type: "function",
            name: "get_weather",
            description: "The weather of a city",
            parameters: {
              type: "object",
              properties: { city: { type: "string" } },
              required: ["city"],
              additionalProperties: true
            }
          }]
        }
      })
      assert.deepStrictEqual(session!.asked, [["assistant: Hello.", "user: Is it warm?"]])
    }))

  it.live("hears the user: the audio is sent, and its words beside it are not said twice", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [{ text: "Yes." }] })
      const file = Audio.encodeWav(Audio.silence("1 second", Audio.speech))
      yield* reply([{
        role: "user",
        content: [
          { type: "file", mediaType: "audio/wav", data: file },
          { type: "text", text: "Is it warm?", options: { "effect-voice": { transcript: true } } }
        ]
      }])
      // The same turn, whose audio is no longer kept.
      yield* reply([user("Is it warm?"), assistant("Yes."), user("Sure?")])
      // What a program asks about audio is asked beside it.
      yield* reply([{
        role: "user",
        content: [{ type: "text", text: "Who is it?" }, { type: "file", mediaType: "audio/wav", data: file }]
      }])
      assert.deepStrictEqual(server.sessions[0]!.asked, [
        ["user: [1000 ms] Is it warm?"],
        ["user: [1000 ms] Is it warm?", "assistant: [100 ms] Yes.", "user: Sure?"],
        ["user: Who is it? + [1000 ms] "]
      ])
    }))

  it.live("calls tools, whose parameters come in pieces, and is given their results", () =>
    Effect.gen(function*() {
      const call = { id: "call_1", name: "get_weather", params: { city: "Paris" } }
      const { reply, server } = yield* setting({
        replies: [{ text: "Let me look.", calls: [call] }, { text: "It is warm." }]
      })
      const deltas = yield* reply([user("Is it warm?")], { tools: [weather] })
      assert.deepStrictEqual(deltas.filter(({ _tag }) => _tag === "ToolCall"), [{ _tag: "ToolCall", ...call }])
      assert.strictEqual(reasonOf(deltas), "tool-calls")
      yield* reply([
        user("Is it warm?"),
        assistant("Let me look."),
        { role: "assistant", content: [{ type: "tool-call", ...call, providerExecuted: false }] },
        {
          role: "tool",
          content: [{
            type: "tool-result",
            id: "call_1",
            name: "get_weather",
            isFailure: false,
            providerExecuted: false,
            result: "21"
          }]
        }
      ], { tools: [weather] })
      assert.deepStrictEqual(server.sessions[0]!.asked[1], [
        "user: Is it warm?",
        "assistant: [300 ms] Let me look.",
        "call: get_weather {\"city\":\"Paris\"}",
        "output: 21"
      ])
      assert.deepStrictEqual(server.sessions[0]!.errors, [])
    }))

  it.live("that is written is text, for a synthesiser", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [{ written: "It is warm." }, { text: "Yes." }] })
      const deltas = yield* reply([user("Is it warm?")])
      assert.deepStrictEqual(deltas[0], { _tag: "Text", text: "It is warm." })
      yield* reply([user("Is it warm?"), assistant("It is"), user("What?")])
      assert.deepStrictEqual(server.sessions[0]!.asked[1], ["user: Is it warm?", "assistant: It is", "user: What?"])
    }))
})

describe("an answer of a server that speaks otherwise", () => {
  const params = JSON.stringify({ city: "Rome" })
  const said = (item_id: string, delta: string) => ({ type: "response.output_audio_transcript.delta", item_id, delta })
  const heard = (item_id: string) => ({ type: "response.output_audio.delta", item_id, delta: stub.audioOf(100) })
  const fn = (more: object) => ({ id: "f", type: "function_call", name: "get_weather", status: "completed", ...more })
  const called = (more: object) => ({ type: "response.output_item.done", item: fn(more) })
  const written = { type: "response.function_call_arguments.delta", item_id: "f", delta: params }
  const call = "[call_1 get_weather {\"city\":\"Rome\"}] <tool-calls>"

  const shown = (deltas: ReadonlyArray<Llm.Delta>) =>
    deltas.map((delta) => {
      switch (delta._tag) {
        case "Speech":
          return delta.text ?? ""
        case "Text":
          return `written: ${delta.text}`
        case "ToolCall":
          return `[${delta.id} ${delta.name} ${JSON.stringify(delta.params)}]`
        case "Finish":
          return ` <${delta.reason}>`
        default:
          return delta._tag
      }
    }).join("")

  const table: Record<string, readonly [raw: ReadonlyArray<unknown>, outcome: string]> = {
    "two items have a space between them": [
      [said("a", "Let me check."), heard("a"), said("b", "It is"), said("b", " warm."), heard("b")],
      "Let me check. It is warm. <stop>"
    ],
    "so have two that are written": [
      [
        { type: "response.output_text.delta", item_id: "a", delta: "One." },
        { type: "response.output_text.delta", item_id: "b", delta: "Two." }
      ],
      "written: One.written:  Two. <stop>"
    ],
    "words and audio by their old names": [
      [
        { type: "response.audio_transcript.delta", item_id: "a", delta: "Yes." },
        { type: "response.audio.delta", item_id: "a", delta: stub.audioOf(100) }
      ],
      "Yes. <stop>"
    ],
    "text by its old name": [[{ type: "response.text.delta", item_id: "a", delta: "Yes." }], "written: Yes. <stop>"],
    "words that come as a whole": [
      [heard("a"), { type: "response.output_audio_transcript.done", item_id: "a", transcript: "Yes." }],
      "Yes. <stop>"
    ],
    "words that come in pieces, and as a whole": [
      [said("a", "Yes"), said("a", "."), {
        type: "response.output_audio_transcript.done",
        item_id: "a",
        transcript: "Yes."
      }],
      "Yes. <stop>"
    ],
    "text that comes as a whole": [
      [{ type: "response.output_text.done", item_id: "a", text: "Yes." }],
      "written: Yes. <stop>"
    ],
    "a call that is told twice": [[
      called({ call_id: "call_1", arguments: params }),
      called({ call_id: "call_1", arguments: params })
    ], call],
    "a call whose parameters come in pieces alone": [[written, called({ call_id: "call_1", arguments: "" })], call],
    "a call whose parameters come by themselves": [
      [
        { type: "response.function_call_arguments.done", item_id: "f", arguments: params },
        called({ call_id: "call_1", arguments: null })
      ],
      call
    ],
    "a call whose parameters are an object": [[called({ call_id: "call_1", arguments: { city: "Rome" } })], call],
    "a call without an id of its own": [[called({ id: "call_1", arguments: params })], call],
    "a call that is told with the end": [
      [{
        type: "response.done",
        response: { status: "completed", output: [{ type: "message" }, fn({ call_id: "call_1", arguments: params })] }
      }],
      call
    ],
    "a call that is told with the end as well": [
      [
        called({ call_id: "call_1", arguments: params }),
        { type: "response.done", response: { output: [fn({ call_id: "call_1", arguments: params })] } }
      ],
      call
    ],
    "what has no type": [[{ hello: 1 }, { type: null }, said("a", "Yes.")], "Yes. <stop>"]
  }
  for (const [name, [raw, outcome]] of Object.entries(table)) {
    it.live(name, () =>
      Effect.gen(function*() {
        const { reply } = yield* setting({ replies: [{ raw }] })
        assert.strictEqual(shown(yield* reply([user("Is it warm?")], { tools: [weather] })), outcome)
      }))
  }

  it.live("codes audio without padding, and in lines", () =>
    Effect.gen(function*() {
      const audio = Buffer.alloc(4800, 0xfb)
      const raw = [
        audio.subarray(0, 1600).toString("base64").replace(/=+$/, ""),
        audio.subarray(1600, 3200).toString("base64url"),
        audio.subarray(3200).toString("base64").replaceAll(/(.{76})/g, "$1\r\n")
      ].map((delta) => ({ type: "response.output_audio.delta", item_id: "a", delta }))
      const { reply } = yield* setting({ replies: [{ raw: [said("a", "Yes."), ...raw] }] })
      const deltas = yield* reply([user("Is it warm?")])
      assert.strictEqual(lengthOf(deltas), 100)
    }))

  it.live("begins without an id", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [], silent: true })
      const answer = yield* Effect.forkChild(reply([user("Is it warm?")]))
      yield* until(() => server.sessions[0]?.asked.length === 1)
      const { send } = server.sessions[0]!.peer
      send({ type: "response.created", response: null })
      send({ ...said("a", "Yes."), response_id: "resp_7" })
      send({ type: "response.done", response: { id: "resp_7", status: "completed" } })
      assert.strictEqual(shown(yield* Fiber.join(answer)), "Yes. <stop>")
    }))

  it.live("counts in text", () =>
    Effect.gen(function*() {
      const { reply } = yield* setting({
        replies: [{ raw: [{ type: "response.done", response: { usage: { input_tokens: "20", output_tokens: "7" } } }] }]
      })
      const finish = (yield* reply([user("Is it warm?")])).at(-1)
      assert.deepStrictEqual(finish?._tag === "Finish" ? finish.usage : undefined, { inputTokens: 20, outputTokens: 7 })
    }))
})

describe("a conversation", () => {
  const turns = [user("One?"), assistant("Um, one two three four."), user("Two?")]

  const histories: Record<string, readonly [second: Prompt.RawInput, known: ReadonlyArray<string>]> = {
    "goes on": [
      turns,
      ["user: One?", "assistant: [500 ms] Um, one two three four.", "user: Two?"]
    ],
    "is cut where the reply was, at what was heard": [
      [user("One?"), assistant("Um, one two"), user("Two?")],
      ["user: One?", "assistant: [239 ms] …", "user: Two?"]
    ],
    "forgets what nobody has heard": [
      [user("One?"), user("Two?")],
      ["user: One?", "user: Two?"]
    ],
    "knows what was reworded, and what others have said": [
      [system("Be brief."), user("1?"), assistant("Welcome."), user("Two?")],
      ["user: 1?", "assistant: Welcome.", "user: Two?"]
    ],
    "has what came between in its place": [
      [user("One?"), system("They are in Paris."), assistant("Um, one two three four."), user("Two?")],
      ["user: One?", "system: They are in Paris.", "assistant: [500 ms] Um, one two three four.", "user: Two?"]
    ],
    "begins with a summary, and keeps its voice": [
      [system("Be brief."), user("…"), assistant("Um, one two three four."), user("Two?")],
      ["user: …", "assistant: [500 ms] Um, one two three four.", "user: Two?"]
    ]
  }
  for (const [name, [second, known]] of Object.entries(histories)) {
    it.live(name, () =>
      Effect.gen(function*() {
        const { reply, server } = yield* setting({ replies: [{ text: "Um, one two three four." }] })
        yield* reply([user("One?")])
        yield* reply(second)
        assert.strictEqual(server.sessions.length, 1)
        assert.deepStrictEqual(server.sessions[0]!.asked[1], known)
        assert.deepStrictEqual(server.sessions[0]!.errors, [])
      }))
  }

  it.live("has one connection, and closes it with the session", () =>
    Effect.gen(function*() {
      const { reply, scope, server } = yield* setting({ replies: [{ text: "Yes." }] })
      yield* reply([user("One?")])
      yield* reply([user("One?"), assistant("Yes."), user("Two?")])
      assert.strictEqual(server.sessions.length, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* server.sessions[0]!.peer.closed, 1000)
    }))

  it.live("is of one request where there is no session", () =>
    Effect.gen(function*() {
      const { llm, server } = yield* setting({ replies: [{ text: "Yes." }] })
      yield* Stream.runDrain(llm.reply({ prompt: Prompt.make("One?"), tools: [] }))
      assert.strictEqual(yield* server.sessions[0]!.peer.closed, 1000)
    }))

  it.live("has another connection for a second answer at the same time, and keeps one", () =>
    Effect.gen(function*() {
      const { reply, replying, server } = yield* setting({
        replies: [{ text: "One two.", holdAfter: 1 }, { text: "Yes." }]
      })
      const first = yield* Effect.forkChild(Stream.runCollect(replying([user("Count.")])))
      yield* until(() => server.sessions[0]?.asked.length === 1)
      assert.strictEqual(words(yield* reply([user("Count.")])), "Yes.")
      server.sessions[0]!.proceed()
      assert.strictEqual(words(yield* Fiber.join(first)), "One two.")
      assert.strictEqual(words(yield* reply([user("Count."), assistant("Yes."), user("Again.")])), "Yes.")
      assert.deepStrictEqual(server.sessions[1]!.asked[1], ["user: Count.", "assistant: [100 ms] Yes.", "user: Again."])
      assert.strictEqual(yield* server.sessions[0]!.peer.closed, 1000)
    }))

  it.live("is opened in advance, once", () =>
    Effect.gen(function*() {
      const { llm, reply, server } = yield* setting({ replies: [{ text: "Yes." }] })
      yield* llm.prewarm!
      yield* reply([user("One?")])
      assert.strictEqual(server.sessions.length, 1)
    }))

  it.live("goes on over a new connection, with its history as text, when one was lost between two replies", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [{ text: "Yes." }] })
      yield* reply([user("One?")])
      const [first] = server.sessions
      first!.peer.send({ type: "error", error: { type: "invalid_request_error", code: "session_expired" } })
      first!.peer.socket.close(1001, "session expired")
      yield* first!.peer.closed
      assert.strictEqual(words(yield* reply([user("One?"), assistant("Yes."), user("Two?")])), "Yes.")
      assert.deepStrictEqual(server.sessions[1]!.asked, [["user: One?", "assistant: Yes.", "user: Two?"]])
    }))

  for (
    const [error, code] of [
      ["an expired session", { type: "invalid_request_error", code: "session_expired" }],
      ["an error of the server", { type: "server_error", code: null }]
    ] as const
  ) {
    it.live(`goes on over a new connection after ${error} between two replies, though the old one stays open`, () =>
      Effect.gen(function*() {
        const { reply, server } = yield* setting({ replies: [{ text: "Yes." }] })
        yield* reply([user("One?")])
        server.sessions[0]!.peer.send({ type: "error", error: code })
        assert.strictEqual(words(yield* reply([user("One?"), assistant("Yes."), user("Two?")])), "Yes.")
        assert.deepStrictEqual(server.sessions[1]!.asked, [["user: One?", "assistant: Yes.", "user: Two?"]])
      }))
  }

  it.live("goes on over a new connection where the server has forgotten an item", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [{ text: "Yes." }] })
      yield* reply([user("One?")])
      server.sessions[0]!.items.splice(0)
      assert.strictEqual(words(yield* reply([user("One?"), assistant("Yes."), user("Two?")])), "Yes.")
      assert.deepStrictEqual(server.sessions[1]!.asked, [["user: One?", "assistant: Yes.", "user: Two?"]])
    }))

  it.live("keeps its voice where there is other space between the words", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [{ text: "It is  warm,\nyes." }] })
      yield* reply([user("One?")])
      yield* reply([user("One?"), assistant("It is warm,"), user("Two?")])
      assert.match(server.sessions[0]!.asked[1]![1]!, /^assistant: \[\d+ ms\] …$/)
    }))

  it.live("goes on over a new connection when one is lost as it is used again", () =>
    Effect.gen(function*() {
      let lost = false
      const { reply, server } = yield* setting({
        replies: [{ text: "Yes." }],
        refuse: ({ type }, { asked, peer }) => {
          if (lost || asked.length === 0 || type !== "response.create") return undefined
          lost = true
          peer.socket.terminate()
          return "server_error"
        }
      })
      yield* reply([user("One?")])
      assert.strictEqual(words(yield* reply([user("One?"), assistant("Yes."), user("Two?")])), "Yes.")
      assert.deepStrictEqual(server.sessions.map(({ asked }) => asked.length), [1, 1])
    }))

  it.live("begins anew after an edit that the server refuses, once the reply is given", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({
        replies: [{ text: "One two three." }],
        refuse: ({ type }) => type === "conversation.item.truncate" ? "invalid_value" : undefined
      })
      yield* reply([user("One?")])
      const cut = [user("One?"), assistant("One two"), user("Two?")]
      assert.strictEqual(words(yield* reply(cut)), "One two three.")
      yield* reply([...cut, assistant("One two three."), user("Three?")])
      assert.deepStrictEqual(server.sessions[1]!.asked, [[
        "user: One?",
        "assistant: One two",
        "user: Two?",
        "assistant: One two three.",
        "user: Three?"
      ]])
    }))
})

describe("an interrupted reply", () => {
  /** Takes what comes until there are so many words, and interrupts. */
  const interrupted = (reply: Stream.Stream<Llm.Delta, Llm.LlmError>, wanted: string) =>
    Effect.gen(function*() {
      let text = ""
      const heard = yield* Deferred.make<void>()
      const fiber = yield* reply.pipe(
        Stream.runForEach((delta) => {
          text += words([delta])
          return text === wanted ? Deferred.succeed(heard, undefined) : Effect.void
        }),
        Effect.forkChild
      )
      yield* Deferred.await(heard)
      yield* Fiber.interrupt(fiber)
    })

  it.live("is cancelled, and remembered as far as it was heard", () =>
    Effect.gen(function*() {
      const { replying, reply, server } = yield* setting({
        replies: [{ text: "One two three four.", holdAfter: 2 }, { text: "Yes." }]
      })
      yield* interrupted(replying([user("Count.")]), "One two ")
      assert.strictEqual(words(yield* reply([user("Count."), assistant("One"), user("Stop.")])), "Yes.")
      const [session] = server.sessions
      assert.strictEqual(server.sessions.length, 1)
      assert.deepStrictEqual(session!.asked[1], ["user: Count.", "assistant: [85 ms] …", "user: Stop."])
      assert.deepStrictEqual(
        session!.events.map(({ type }) => type).filter((type) => type.startsWith("response")),
        ["response.create", "response.cancel", "response.create"]
      )
      assert.deepStrictEqual(session!.errors, [])
    }))

  it.live("that the server has ended meanwhile is no failure", () =>
    Effect.gen(function*() {
      const { replying, reply, server } = yield* setting({
        replies: [{ text: "One two three.", holdAfter: 2 }, { text: "Yes." }],
        refuse: ({ type }, session) => {
          if (type === "response.cancel") session.proceed()
          return undefined
        }
      })
      yield* interrupted(replying([user("Count.")]), "One two ")
      assert.strictEqual(words(yield* reply([user("Count."), user("Stop.")])), "Yes.")
      assert.strictEqual(server.sessions.length, 1)
      assert.deepStrictEqual(server.sessions[0]!.errors, ["response_cancel_not_active"])
    }))

  for (const silent of ["response.create", "response.cancel"]) {
    it.effect(`holds the next one up for a second at most, where the server is silent after ${silent}`, () =>
      Effect.gen(function*() {
        const ignored = new Set<string>()
        const { replying, reply, server } = yield* setting({
          replies: (known) => known.includes("user: Stop.") ? { text: "Yes." } : { text: "One two.", holdAfter: 1 },
          ignore: ({ type }) => type === silent && !ignored.has(type) && ignored.add(type).size > 0
        })
        const fiber = yield* Effect.forkChild(Stream.runDrain(replying([user("Count.")])))
        yield* until(() => server.sessions[0]?.events.some(({ type }) => type === "response.create") === true)
        yield* Fiber.interrupt(fiber)
        const next = yield* Effect.forkChild(reply([user("Stop.")]))
        yield* TestClock.adjust(1000)
        assert.strictEqual(words(yield* Fiber.join(next)), "Yes.")
      }))
  }

  it.live("that has not begun is cancelled when it does", () =>
    Effect.gen(function*() {
      const { replying, reply, server } = yield* setting({ replies: [{ text: "Yes." }], silent: true })
      const fiber = yield* Effect.forkChild(Stream.runDrain(replying([user("Count.")])))
      yield* until(() => server.sessions[0]?.asked.length === 1)
      yield* Fiber.interrupt(fiber)
      const [session] = server.sessions
      const next = yield* Effect.forkChild(reply([user("Stop.")]))
      session!.peer.send({ type: "response.created", response: { id: "resp_9" } })
      yield* until(() => session!.events.at(-1)!.type === "response.cancel")
      session!.peer.send({ type: "response.done", response: { id: "resp_9", status: "cancelled" } })
      yield* until(() => session!.asked.length === 2)
      assert.deepStrictEqual(session!.asked[1], ["user: Stop."])
      yield* Fiber.interrupt(next)
    }))
})

describe("faults", () => {
  const failures: Record<string, readonly [reply: stub.Reply, reason: string | Failure.Reason]> = {
    "a connection that is lost in the middle": [{ text: "One two three.", closeAfter: 2 }, "Disconnected"],
    "a failed answer": [
      { status: "failed", details: { type: "failed", error: { type: "server_error", code: "server_error" } } },
      new Failure.Rejected({ status: 500 })
    ],
    "a rate limit": [
      {
        status: "failed",
        details: { type: "failed", error: { type: "rate_limit_exceeded", code: "rate_limit_exceeded" } }
      },
      new Failure.Rejected({ status: 429 })
    ],
    "a rate limit that tells when it ends": [
      {
        status: "failed",
        details: {
          type: "failed",
          error: {
            type: "tokens",
            code: "rate_limit_exceeded",
            message: "Rate limit reached, of the caller: please try again in 1m8.2s. Thank you."
          } as never
        }
      },
      new Failure.Rejected({ status: 429, retryAfterMs: 68_200 })
    ],
    "an error that is told by itself": [
      { text: "One two.", raw: [{ type: "error", code: "server_error", message: "Of the caller." }] },
      new Failure.Rejected({ status: 500 })
    ],
    "no more credit": [
      {
        status: "failed",
        details: { type: "failed", error: { type: "insufficient_quota", code: "insufficient_quota" } }
      },
      new Failure.Rejected({ status: 402 })
    ],
    "an answer that the server has cancelled": [
      { status: "cancelled", details: { type: "cancelled", reason: "turn_detected" } },
      "EndedEarly"
    ],
    "an error in the middle": [
      { text: "One two.", raw: [{ type: "error", error: { type: "server_error", code: null } }] },
      new Failure.Rejected({ status: 500 })
    ],
    "a session that has expired": [
      { text: "One two.", raw: [{ type: "error", error: { type: "invalid_request_error", code: "session_expired" } }] },
      "Disconnected"
    ],
    "what is no JSON": [{ text: "One two.", raw: ["{\"type\": what?"] }, "InvalidResponse"],
    "audio that is a file": [
      {
        text: "One.",
        raw: [{ type: "response.output_audio.delta", delta: Buffer.from("RIFF    WAVEfmt ").toString("base64") }]
      },
      new Failure.InvalidResponse({
        detail: "the audio is a file of WAV, and not the bare samples that were asked for"
      })
    ],
    "audio that is none": [
      { text: "One.", raw: [{ type: "response.output_audio.delta", delta: "***" }] },
      "InvalidResponse"
    ]
  }
  for (const [name, [reply, reason]] of Object.entries(failures)) {
    it.live(`${name} is told by its reason, and nothing of what was said with it`, () =>
      Effect.gen(function*() {
        const { reply: ask, server } = yield* setting({ replies: [reply, { text: "Yes." }] })
        const error = yield* Effect.flip(ask([user("What the caller said.")]))
        assert.strictEqual(error.provider, "openai")
        if (typeof reason === "string") assert.strictEqual(error.reason._tag, reason)
        else assert.deepStrictEqual({ ...error.reason }, { ...reason })
        assert.notInclude(error.message, "caller")
        // The next reply has all that it needs.
        assert.strictEqual(words(yield* ask([user("Again?")])), "Yes.")
        assert.deepStrictEqual(server.sessions.at(-1)!.asked.at(-1), ["user: Again?"])
      }))
  }

  const refusals: Record<string, readonly [type: string, code: string, reason: string]> = {
    "an item that is refused": ["conversation.item.create", "invalid_value", "InvalidRequest"],
    "an answer that is refused": ["response.create", "invalid_value", "InvalidRequest"],
    "an answer beside another": ["response.create", "conversation_already_has_active_response", "Broken"],
    "an item that is not where it should be": ["conversation.item.create", "item_not_found", "Broken"],
    "a rate limit before the answer": ["response.create", "rate_limit_exceeded", "Rejected"]
  }
  for (const [name, [refused, code, reason]] of Object.entries(refusals)) {
    it.live(`${name} is told by its reason`, () =>
      Effect.gen(function*() {
        let times = 1
        const { reply } = yield* setting({
          replies: [{ text: "Yes." }],
          refuse: ({ type }) => type === refused && times-- > 0 ? code : undefined
        })
        const error = yield* Effect.flip(reply([user("One?")]))
        assert.strictEqual(error.reason._tag, reason)
        assert.strictEqual(words(yield* reply([user("One?")])), "Yes.")
      }))
  }

  const ignored: Record<string, ReadonlyArray<unknown>> = {
    "an event that nobody knows": [{ type: "response.sung.delta", delta: "la" }, { type: "weather.updated" }],
    "what belongs to another answer": [
      { type: "response.output_audio_transcript.delta", response_id: "resp_0", item_id: "item_0", delta: "No!" },
      { type: "response.done", response: { id: "resp_0", status: "failed" } }
    ],
    "fields of another shape": [
      { type: "rate_limits.updated", response: 7, item: "?", error: [], item_id: {} },
      { type: "response.output_item.done", item: { type: "function_call" } }
    ]
  }
  for (const [name, raw] of Object.entries(ignored)) {
    it.live(`${name} is passed over`, () =>
      Effect.gen(function*() {
        const { reply } = yield* setting({ replies: [{ text: "One two.", raw }] })
        const deltas = yield* reply([user("One?")])
        assert.strictEqual(words(deltas), "One two.")
        assert.deepStrictEqual(deltas.filter(({ _tag }) => _tag === "ToolCall"), [])
      }))
  }

  it.live("words and audio that name no item are heard", () =>
    Effect.gen(function*() {
      const { reply } = yield* setting({
        replies: [{
          raw: [
            { type: "response.output_audio_transcript.delta", delta: "Yes." },
            { type: "response.output_audio.delta", delta: stub.audioOf(200) }
          ]
        }]
      })
      const deltas = yield* reply([user("One?")])
      assert.strictEqual(words(deltas), "Yes.")
      assert.strictEqual(lengthOf(deltas), 200)
    }))

  for (
    const [status, details, reason] of [
      ["incomplete", { type: "incomplete", reason: "max_output_tokens" }, "length"],
      ["incomplete", { type: "incomplete", reason: "content_filter" }, "content-filter"]
    ] as const
  ) {
    it.live(`an answer that is incomplete says why: ${reason}`, () =>
      Effect.gen(function*() {
        const { reply } = yield* setting({ replies: [{ text: "One.", status, details }] })
        assert.strictEqual(reasonOf(yield* reply([user("One?")])), reason)
      }))
  }

  it.live("a key that is refused is told as such", () =>
    Effect.gen(function*() {
      const { reply } = yield* setting({ replies: [], refuseHandshake: () => ({ status: 401 }) })
      const error = yield* Effect.flip(reply([user("One?")]))
      assert.deepStrictEqual(error.reason, new Failure.Rejected({ status: 401 }))
      assert.notInclude(error.message, "secret")
    }))

  it.live("a file that cannot be heard is refused before anything is sent", () =>
    Effect.gen(function*() {
      const { reply, server } = yield* setting({ replies: [] })
      const error = yield* Effect.flip(reply([{
        role: "user",
        content: [{ type: "file", mediaType: "audio/mpeg", data: new Uint8Array(9) }]
      }]))
      assert.deepStrictEqual(
        error.reason,
        new Failure.InvalidRequest({ detail: "prompt: only audio that is a WAV file, by its data, can be sent" })
      )
      assert.strictEqual(server.sessions.length, 0)
    }))

  it.effect("a key that is missing is named", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(OpenAiRealtime.make()))
      assert.match(error.message, /apiKey must be given/)
      const none = yield* Effect.exit(
        Layer.build(OpenAiRealtime.layerConfig()).pipe(
          Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))
        )
      )
      assert.isTrue(Exit.isFailure(none))
    }).pipe(Effect.scoped))
})

describe("in a session", () => {
  const Kit = Toolkit.make(
    Tool.make("book", { parameters: Schema.Struct({ nights: Schema.Int }), success: Schema.String })
  )
  const desk = Agent.make({ instructions: "You book rooms.", tools: Kit })

  const scenario = (
    script: Testing.Scenario<Session.Session | Tool.HandlersFor<Toolkit.Tools<typeof Kit>>>,
    options: Parameters<typeof stub.serve>[0],
    preset: Testing.Scenario["preset"] = "mechanics"
  ) =>
    Effect.gen(function*() {
      const server = yield* stub.serve(options)
      const timeline = yield* Testing.scenario({
        ...script,
        room: { frames: 20 },
        layer: Testing.layerRealLlm(OpenAiRealtime.layer({ apiKey, baseUrl: `${server.url}/v1` })),
        preset
      })
      // No connection outlives the session.
      for (const { peer } of server.sessions) yield* peer.closed
      return { timeline, known: server.sessions.map(({ asked }) => asked), server }
    }).pipe(Effect.scoped, Effect.provide(Kit.toLayer({ book: ({ nights }) => Effect.succeed(`${nights} nights`) })))

  /** Without the lengths, which hang on where the detector hears a voice begin. */
  const inShort = (known: ReadonlyArray<string> | undefined) => known?.map((item) => item.replace(/\[\d+ ms\]/, "♪"))

  it.effect("hears the caller, calls tools, and is heard", () =>
    Effect.gen(function*() {
      const { known, timeline } = yield* scenario({
        agent: desk,
        user: [Testing.say(500, 2500, "A room for two nights, please."), Testing.say(9000, 10_000, "Thank you.")]
      }, {
        replies: [
          { text: "Let me see.", calls: [{ id: "call_1", name: "book", params: { nights: 2 } }] },
          { text: "Room seven is yours." },
          { text: "Goodbye." }
        ]
      })
      assert.deepStrictEqual(timeline.messages, [
        "user: A room for two nights, please.",
        "assistant: Let me see.",
        "call: book",
        "output: book",
        "assistant: Room seven is yours.",
        "user: Thank you.",
        "assistant: Goodbye."
      ])
      assert.deepStrictEqual(known.length, 1)
      assert.deepStrictEqual(inShort(known[0]![2]), [
        "user: ♪ A room for two nights, please.",
        "assistant: ♪ Let me see.",
        "call: book {\"nights\":2}",
        "output: 2 nights",
        "assistant: ♪ Room seven is yours.",
        "user: ♪ Thank you."
      ])
      const used = timeline.of("UsageMeasured").find(({ component }) => component === "llm")
      assert.strictEqual(used!.audioInputTokens, 120)
      assert.strictEqual(used!.audioOutputTokens, 80)
    }))

  it.effect("is interrupted, and remembers what was heard", () =>
    Effect.gen(function*() {
      const { known, server, timeline } = yield* scenario({
        user: [Testing.say(500, 2500, "Count, please."), Testing.say(6500, 7500, "Stop.")]
      }, { replies: [{ text: "one two three four five six seven eight", wordMs: 1000 }, { text: "Yes." }] })
      const [, cut, stop] = timeline.messages
      assert.match(cut!, /^assistant: one two three( four)?—$/)
      assert.strictEqual(stop, "user: Stop.")
      const [, heard] = known[0]!
      assert.match(heard![1]!, /^assistant: \[[23]\d\d\d ms\] …$/)
      assert.deepStrictEqual(server.sessions[0]!.errors, [])
    }))

  it.effect("says what the program has it say by the synthesiser, and knows that it was said", () =>
    Effect.gen(function*() {
      const { known, timeline } = yield* scenario({
        agent: Agent.make({ instructions: "x", onEnter: async (session) => session.say("Welcome.") }),
        user: [Testing.say(5000, 6000, "Hello?")]
      }, { replies: [{ text: "Good evening." }] })
      assert.deepStrictEqual(timeline.messages, ["assistant: Welcome.", "user: Hello?", "assistant: Good evening."])
      assert.deepStrictEqual(inShort(known[0]![0]), ["assistant: Welcome.", "user: ♪ Hello?"])
    }))

  it.effect("hands over: the next agent goes on in the same conversation, with its own instructions", () =>
    Effect.gen(function*() {
      const { known, server } = yield* scenario({
        agent: Agent.make({ instructions: "You greet." }),
        user: [Testing.say(500, 2500, "Hello?"), Testing.say(9000, 10_000, "A room.")],
        at: [{ at: 7000, do: (session) => session.handoff(Agent.make({ instructions: "You book.", name: "booking" })) }]
      }, { replies: [{ text: "Good evening." }] })
      const instructions = server.sessions[0]!.events.flatMap((event) =>
        event.type === "response.create" ? [event.response?.instructions] : []
      )
      assert.deepStrictEqual(instructions, ["You greet.", "You book."])
      assert.deepStrictEqual(inShort(known[0]![1]), ["user: ♪ Hello?", "assistant: ♪ Good evening.", "user: ♪ A room."])
    }))

  it.effect("answers in advance, and forgets what was asked too early", () =>
    Effect.gen(function*() {
      const { known, server, timeline } = yield* scenario(
        {
          user: [
            Testing.say(500, 2500, "A room, please."),
            // Within the time in which a turn may go on.
            Testing.say(2850, 4500, "For two nights."),
            Testing.say(10_000, 11_500, "Thank you very much.")
          ]
        },
        { replies: [{ text: "Of course." }] },
        "production"
      )
      assert.deepStrictEqual(timeline.messages, [
        "user: A room, please. For two nights.",
        "assistant: Of course.",
        "user: Thank you very much.",
        "assistant: Of course."
      ])
      assert.deepStrictEqual(inShort(known.at(-1)!.at(-1)), [
        "user: ♪ A room, please. For two nights.",
        "assistant: ♪ Of course.",
        "user: ♪ Thank you very much."
      ])
      assert.isAbove(known.flat().length, 2)
      assert.deepStrictEqual(server.sessions.flatMap(({ errors }) => errors), [])
    }))

  it.effect("goes on over a new connection when one is lost in mid-reply", () =>
    Effect.gen(function*() {
      const { known, timeline } = yield* scenario({
        user: [Testing.say(500, 2500, "Count, please."), Testing.say(12_000, 13_000, "Again.")]
      }, { replies: [{ text: "one two three four", wordMs: 500, closeAfter: 2 }, { text: "Yes." }] })
      assert.strictEqual(timeline.messages[1], "assistant: one two—")
      assert.strictEqual(known.length, 2)
      assert.strictEqual(timeline.messages.at(-1), "assistant: Yes.")
    }))
})

describe("the price", () => {
  const usage: Cost.Usage = {
    component: "llm",
    provider: "openai",
    model: "gpt-realtime",
    inputTokens: 1000,
    outputTokens: 500,
    cachedInputTokens: 400,
    audioInputTokens: 600,
    cachedAudioInputTokens: 300,
    audioOutputTokens: 400,
    characters: 0,
    audioMs: 0,
    estimated: false
  }
  const prices: Record<string, readonly [price: Omit<Cost.Price, "provider">, micro: number]> = {
    // 300 new of text, 300 new of audio, 100 and 300 of the cache; 100 written, 400 spoken.
    "counts each kind by its own": [
      {
        inputTokens: 4,
        cachedInputTokens: 0.4,
        outputTokens: 16,
        audioInputTokens: 32,
        cachedAudioInputTokens: 0.5,
        audioOutputTokens: 64
      },
      300 * 4 + 300 * 32 + 100 * 0.4 + 300 * 0.5 + 100 * 16 + 400 * 64
    ],
    "is that of text where audio has none": [{ inputTokens: 4, outputTokens: 16 }, 1000 * 4 + 500 * 16],
    "of cached audio is that of audio": [
      { inputTokens: 4, cachedInputTokens: 1, audioInputTokens: 32 },
      300 * 4 + 300 * 32 + 100 * 1 + 300 * 32
    ]
  }
  for (const [name, [price, micro]] of Object.entries(prices)) {
    it(name, () => {
      assert.closeTo(Cost.of(usage, [{ provider: "openai", ...price }])! * 1e6, micro, 1e-6)
    })
  }
})
