import { assert, describe, it } from "@effect/vitest"
import { Effect, References, Schema } from "effect"
import { Agent, Audio, type Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import type { StandardSchemaV1, StandardTypedV1 } from "effect/StandardSchema"
import { TestClock } from "effect/testing"

const call = (name: string, params: unknown = {}): Tools.Call => ({ id: "call-1", name, params })

const quietly = Effect.provideService(References.MinimumLogLevel, "None")

describe("plain functions as tools", () => {
  const tools = Tools.functions({
    book: {
      description: "Books a room",
      parameters: Schema.Struct({ nights: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))) }),
      run: async ({ nights }) => ({ room: 7, nights })
    },
    search: {
      parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
      run: ({ query }) => `found ${query}`
    },
    nothing: { run: async () => {} },
    id: { run: async (_, { id }) => id },
    told: { run: () => Promise.reject(new Tools.ToolError({ message: "no room is free" })) },
    rejects: { run: () => Promise.reject(new Error("secret")) },
    throws: {
      run: () => {
        throw new Error("secret")
      }
    },
    big: { run: async () => 1n },
    early: { run: () => ({ room: Promise.resolve(7) }) },
    unrun: { run: () => ({ room: Effect.succeed(7) }) },
    agent: { run: async () => Agent.make({ name: "billing", instructions: "You help with bills." }) },
    inside: { run: async () => Effect.succeed(7) },
    alone: { run: async (_, { session }) => session.say("Hello?") }
  })

  it.effect.each<readonly [string, unknown, unknown, boolean]>([
    ["book", { nights: null }, { room: 7, nights: 1 }, false],
    ["search", { query: "x" }, "found x", false],
    ["search", {}, "Invalid parameters for tool search: query is missing", true],
    ["nothing", {}, null, false],
    ["id", {}, "call-1", false],
    ["told", {}, "no room is free", true],
    ["rejects", {}, "An internal error occurred", true],
    ["throws", {}, "An internal error occurred", true],
    ["big", {}, "Tool big gave a result that cannot be written as JSON: it holds a BigInt", true],
    [
      "early",
      {},
      "Tool early gave a result that cannot be written as JSON: it holds a value of the kind Promise: was it awaited?",
      true
    ],
    [
      "unrun",
      {},
      "Tool unrun gave a result that cannot be written as JSON: it holds an Effect, which nobody runs",
      true
    ],
    [
      "agent",
      {},
      "Tool agent gave a result that cannot be written as JSON: it holds an agent: session.handoff(agent) hands the call over",
      true
    ],
    ["inside", {}, "An internal error occurred", true],
    ["alone", {}, "An internal error occurred", true]
  ])("are run: %s %j", ([name, params, expected, isFailure]) =>
    Effect.gen(function*() {
      const set = yield* Tools.resolve([tools])
      const output = yield* Tools.execute(set, call(name, params))
      assert.deepStrictEqual([output.output, output.isFailure], [expected as Schema.Json, isFailure])
    }).pipe(quietly))

  it("refuse a voice that cannot be, by the name of the tool", () => {
    const wrong: any = { background: true, onInterruption: "cancel" }
    assert.throws(
      () => Tools.functions({ book: { voice: wrong, run: async () => "" } }),
      /book\.voice\.onInterruption must be finish/
    )
  })

  const run = async () => ""
  const object = "must be a schema of an object: write"
  const json = "or a JSON Schema"

  it.each<readonly [string, unknown, string]>([
    [
      "fields alone",
      { n: Schema.Int, name: Schema.String },
      `${object} Schema.Struct({ n: Schema.Int, name: Schema.String })`
    ],
    ["fields in words", { n: "number" }, `${object} Schema.Struct({ name: Schema.String }), ${json}`],
    ["no schema of an object", Schema.Int, `${object} Schema.Struct({ name: Schema.Int })`],
    ["a list", Schema.Array(Schema.String), object],
    ["one of which is no object", Schema.Union([Schema.Struct({}), Schema.String]), object],
    ["a constructor", Number, `${object} Schema.Struct({ name: Schema.String }), ${json}, not a function`],
    ["null", null, `${json}, not null`],
    ["a text", "n", `${json}, not "n"`],
    ["a JSON Schema of another kind", { type: "string" }, object],
    ["a JSON Schema of anything", {}, object]
  ])("refuse parameters that are %s", (_, parameters, told) => {
    const wrong: any = { book: { parameters, run } }
    assert.throws(() => Tools.functions(wrong), `book.parameters`)
    assert.throws(() => Tools.functions(wrong), told)
  })

  it.each<readonly [string, object, string]>([
    ["a type", { properties: { n: { type: "int" } } }, "properties.n.type must be one of string, number, integer"],
    ["one of its types", { properties: { n: { type: ["int", "null"] } } }, "properties.n.type must be one of"],
    [
      "a type deep within",
      { $defs: { a: { items: { anyOf: [{ type: "date" }] } } } },
      "$defs.a.items.anyOf.0.type must"
    ],
    ["a reference", { $ref: "#/x" }, "$ref points to nothing in this schema"],
    [
      "a reference elsewhere",
      { properties: { n: { $ref: "https://x.test/n" } } },
      "properties.n.$ref points to nothing"
    ],
    ["a field", { properties: { n: "number" } }, `properties.n must be a JSON Schema, such as { type: "string" }`],
    [
      "a schema of another kind",
      { properties: { n: Schema.Int } },
      "properties.n must be a JSON Schema in a JSON Schema"
    ],
    ["its fields", { properties: [] }, "properties must be an object of JSON Schemas"],
    ["what it requires", { required: "n" }, "required must be a list of the names of fields"]
  ])("refuse a JSON Schema by its place: %s", (_, parameters, told) => {
    assert.throws(
      () => Tools.functions({ book: { parameters: { type: "object", ...parameters }, run } }),
      `book.parameters.${told}`
    )
  })

  describe("with parameters of another library, by Standard Schema,", () => {
    interface Night {
      readonly from: string
      readonly nights: number
    }

    /** As zod has it: `nights` may be left out or be a text, and `from` becomes a list. */
    const stay = (
      validate: (value: any) => StandardSchemaV1.Result<Stay> | Promise<StandardSchemaV1.Result<Stay>>
    ) => ({
      type: "object" as const,
      parse: () => undefined,
      "~standard": {
        version: 1 as const,
        vendor: "other",
        validate,
        types: undefined as StandardTypedV1.Types<Night, Stay> | undefined,
        jsonSchema: {
          // As zod's, it is by itself a schema of this kind.
          input: () => ({
            "~standard": { version: 1, vendor: "other", validate },
            type: "object",
            properties: {
              from: { type: "string", description: "The first day" },
              nights: { type: "number", default: 1 }
            },
            required: ["from"]
          }),
          output: () => ({})
        }
      }
    })
    interface Stay {
      readonly from: ReadonlyArray<string>
      readonly nights: number
    }
    const made = ({ from, nights = 1 }: any): StandardSchemaV1.Result<Stay> =>
      nights > 14
        ? { issues: [{ message: "two weeks at most", path: [{ key: "nights" }] }, { message: "a long stay" }] }
        : { value: { from: from.split("-"), nights } }

    const book = (schema: ReturnType<typeof stay>) =>
      Tools.functions({
        book: {
          parameters: schema,
          needsApproval: ({ nights }) => nights > 10,
          // The types are those of what its check gives.
          run: async ({ from, nights }) => `${nights satisfies number} from ${from.join("/")}`
        }
      })

    it.effect.each<readonly [string, unknown, string, boolean]>([
      ["gives what their check makes of them", { from: "2026-12-01", nights: 2 }, "2 from 2026/12/01", false],
      ["mends what a model wrote", { from: "2026-12-01", nights: "3" }, "3 from 2026/12/01", false],
      ["leaves defaults to their check", { from: "2026-12-01" }, "1 from 2026/12/01", false],
      ["tells a model what their JSON Schema misses", {}, "Invalid parameters for tool book: from is missing", true],
      [
        "tells a model what their check says",
        { from: "2026-12-01", nights: 15 },
        "Invalid parameters for tool book: nights: two weeks at most; a long stay",
        true
      ],
      [
        "asks for approval by what their check made",
        { from: "2026-12-01", nights: 11 },
        "Tool book needs an approval, which nobody can give in this conversation",
        true
      ]
    ])("%s", ([, params, expected, isFailure]) =>
      Effect.gen(function*() {
        for (const check of [made, async (value: any) => made(value)]) {
          const set = yield* Tools.resolve([book(stay(check))])
          const output = yield* Tools.execute(set, call("book", params))
          assert.deepStrictEqual([output.output, output.isFailure], [expected, isFailure])
        }
      }).pipe(quietly))

    it.effect("tells a model what their JSON Schema says", () =>
      Effect.gen(function*() {
        const set = yield* Tools.resolve([book(stay(made))])
        const told = Tool.getJsonSchema(set.entries.get("book")!.tool)
        assert.deepStrictEqual((told as any).properties.from.description, "The first day")
      }))

    it.effect("fails by itself when their check throws", () =>
      Effect.gen(function*() {
        const set = yield* Tools.resolve([book(stay(() => {
          throw new Error("secret")
        }))])
        const output = yield* Tools.execute(set, call("book", { from: "2026-12-01" }))
        assert.deepStrictEqual([output.output, output.isFailure], ["An internal error occurred", true])
      }).pipe(quietly))

    it("refuses one without a JSON Schema, and one that none describes", () => {
      const { "~standard": { jsonSchema: _, ...older } } = stay(made)
      for (
        const [vendor, way] of [
          ["zod", "take zod 4.2 or later"],
          ["valibot", "write toStandardJsonSchema(…) of @valibot/to-json-schema around it"],
          ["constructor", "write a JSON Schema"]
        ]
      ) {
        assert.throws(
          () => Tools.functions({ book: { parameters: { "~standard": { ...older, vendor } } as any, run } }),
          `book.parameters must come with its JSON Schema, which this ${vendor} does not give: ${way}`
        )
      }
      const input = () => {
        throw new Error("Date cannot be represented")
      }
      const dated = { "~standard": { ...stay(made)["~standard"], jsonSchema: { input } } }
      assert.throws(
        () => Tools.functions({ book: { parameters: dated as any, run } }),
        "book.parameters must be what a JSON Schema can say: Date cannot be represented"
      )
      const text = { "~standard": { ...stay(made)["~standard"], jsonSchema: { input: () => ({ type: "string" }) } } }
      assert.throws(() => Tools.functions({ book: { parameters: text as any, run } }), object)
    })

    it("refuses one in a toolkit, where Effect's schemas are", () => {
      for (
        const tool of [
          Tool.make("book", { parameters: stay(made) as any }),
          Tool.dynamic("book", { parameters: stay(made) as any })
        ]
      ) {
        const kit = Toolkit.make(tool as Tool.Tool<"book", any>)
        assert.throws(
          () => Agent.make({ instructions: "You book.", tools: kit }),
          "Tools.functions alone takes a schema of another library"
        )
      }
    })
  })

  it("take what is a schema of an object", () => {
    class Stay extends Schema.Class<Stay>("Stay")({ nights: Schema.Int }) {}
    Tools.functions({
      none: { run },
      record: { parameters: Schema.Record(Schema.String, Schema.Int), run },
      class: { parameters: Stay, run },
      either: { parameters: Schema.Union([Stay, Schema.Struct({ room: Schema.Int })]), run },
      references: {
        parameters: {
          type: "object",
          properties: { a: { $ref: "#/$defs/a~1b" }, b: { $ref: "#own" }, c: true, d: { items: { $ref: "#" } } },
          $defs: { "a/b": { $anchor: "own", type: ["integer", "null"] } }
        },
        run
      },
      elsewhere: { parameters: { $ref: "#/$defs/a", $defs: { a: { type: "object" } } }, run }
    })
  })

  it.each<readonly [string, unknown, string]>([
    [
      "no function",
      { book: {} },
      "book.run must be the function of the tool: write book: { run: async (params) => … }"
    ],
    ["a function alone", { book: run }, "book must be an object with the function as run"],
    ["nothing", { book: undefined }, "book must be an object with the function as run"],
    ["a description of another kind", { book: { run, description: 4 } }, "book.description must be a text"],
    ["a slip", { book: { run, idempotant: true } }, "book.idempotant is not known: idempotent may be meant"],
    ["a name of another library", { book: { execute: run } }, "book.execute is not known: run may be meant"],
    ["a short name", { book: { run, params: {} } }, "book.params is not known: parameters may be meant"],
    ["no tools", [], "tools must be an object of tools by their names"],
    ["a name in words", { "book a room": { run } }, "book a room must have a name of 1 to 64 letters"],
    ["no name", { "": { run } }, "a tool must have a name of 1 to 64 letters"],
    ["a name without an end", { [`book_${"a".repeat(64)}`]: { run } }, "must have a name of 1 to 64 letters"]
  ])("refuse a tool with %s", (_, tools, told) => {
    assert.throws(() => Tools.functions(tools as any), told)
  })

  it("are refused by their types with fields alone", () => {
    assert.throws(() =>
      Tools.functions({
        // @ts-expect-error there is no Schema.Struct around them
        book: { parameters: { nights: Schema.Int }, run }
      })
    )
  })

  it.effect("of a toolkit are refused where an agent or a set is made of them", () =>
    Effect.gen(function*() {
      const wrong: any = { parameters: { n: Schema.Int } }
      const result: any = { success: { n: Schema.Int } }
      for (
        const [tool, told] of [
          [Tool.make("book", wrong), /^book\.parameters must be a schema of an object: write Schema\.Struct\({ n/],
          [Tool.dynamic("book", wrong), /^book\.parameters must be a schema of an object/],
          [Tool.make("book", { parameters: Schema.Int as any }), /^book\.parameters must be a schema of an object/],
          [Tool.make("book", result), /^book\.success must be a schema of the result/],
          [Tool.make("book", { failure: {} as any }), /^book\.failure must be a schema of the failure/]
        ] as const
      ) {
        const kit = Toolkit.make(tool as Tool.Tool<"book", any>)
        assert.throws(() => Agent.make({ instructions: "You book.", tools: kit }), told)
        const error = yield* Effect.flip(
          Tools.resolve(kit).pipe(Effect.provide(kit.toLayer({ book: () => Effect.succeed(1) } as any)))
        )
        assert.match(error.message, told)
        assert.throws(() => Tools.replace(Tools.empty, kit), told)
      }
      const none: any = { book: { run } }
      assert.throws(
        () => Agent.make({ instructions: "You book.", tools: none }),
        "tools must be tools: give Tools.functions"
      )
    }))

  it.effect("are told when nobody wants their answer any more", () =>
    Effect.gen(function*() {
      let signal: AbortSignal | undefined
      const set = Tools.functions({
        wait: {
          run: (_, call) => {
            signal = call.signal
            return Promise.withResolvers().promise
          }
        }
      })
      const waiting = yield* Effect.forkChild(Tools.execute(set, call("wait"), { timeout: "2 seconds" }))
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(waiting.pollUnsafe())
      assert.isTrue(signal?.aborted)
    }))
})

describe("an agent of plain functions", () => {
  const desk = Agent.make({
    name: "desk",
    instructions: "You book rooms.",
    tools: Tools.functions({
      book: { parameters: Schema.Struct({ nights: Schema.Int }), run: async ({ nights }) => ({ room: 7, nights }) },
      hang_up: { run: async (_, { session }) => session.hangUp({ say: "Goodbye!" }) }
    }),
    onEnter: async (session) => session.say("This is the desk."),
    onUserTurn: async (turn) => turn.text.includes("breakfast") ? { context: "Breakfast is from 7 to 10." } : undefined
  })
  const greeter = Agent.make({
    name: "greeter",
    instructions: "You greet.",
    tools: Tools.functions({ to_desk: { run: async (_, { session }) => session.handoff(desk) } }),
    onEnter: (session) => session.say("Sea View Hotel!")
  })

  it.effect("greets, hands over, books, looks up and hangs up", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: greeter,
        user: [
          Testing.say(2500, 4000, "A room for two nights, please."),
          Testing.say(9000, 10_500, "Two nights, with breakfast."),
          Testing.say(16_000, 17_000, "Thank you, bye.")
        ],
        llm: ({ prompt, step, text }) => {
          if (text.includes("please")) return step > 0 ? "" : { tools: [{ name: "to_desk" }] }
          if (text.includes("bye")) return step > 0 ? "" : { tools: [{ name: "hang_up" }] }
          if (step === 0) return { tools: [{ name: "book", params: { nights: 2 } }] }
          return JSON.stringify(prompt).includes("from 7 to 10") ? "Booked, with breakfast." : "Booked."
        },
        tts: { duration: 1500 }
      })
      assert.deepStrictEqual(timeline.messages, [
        "assistant: Sea View Hotel!",
        "user: A room for two nights, please.",
        "call: to_desk",
        "output: to_desk",
        "handoff: desk",
        "assistant: This is the desk.",
        "user: Two nights, with breakfast.",
        "call: book",
        "output: book",
        "assistant: Booked, with breakfast.",
        "user: Thank you, bye.",
        "call: hang_up",
        "output: hang_up",
        "assistant: Goodbye!"
      ])
      assert.strictEqual(timeline.of("SessionClosed")[0]?.reason, "hang_up")
    }))

  it.effect("hears what its tool says, where it cannot wait for the reply that has called it", () =>
    Effect.gen(function*() {
      let reply: Session.PlainSpeech | undefined
      const waited: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "You book rooms.",
          tools: Tools.functions({
            book: {
              run: async (_, { session }) => {
                const speech = await session.say("One moment.")
                waited.push((await speech.heard()).outcome)
                waited.push(await reply!.heard().catch(({ reason }) => reason))
              }
            }
          }),
          onEnter: async (session) => {
            reply = await session.reply()
          }
        }),
        llm: [{ tools: [{ name: "book" }] }, "Room seven."]
      })
      assert.deepStrictEqual(waited, ["completed", "OwnSpeech"])
      assert.deepStrictEqual(timeline.of("AgentSpeechCommitted").map(({ text }) => text), [
        "One moment.",
        "Room seven."
      ])
      assert.deepStrictEqual(timeline.warnings, [])
    }))

  it.effect("books in the background, says how far it is, and tells what came of it", () =>
    Effect.gen(function*() {
      const booked = Promise.withResolvers<string>()
      const agent = Agent.make({
        instructions: "You book rooms.",
        tools: Tools.functions({
          book: {
            parameters: Schema.Struct({ nights: Schema.Int }),
            voice: {
              background: true,
              idempotencyKey: ({ nights }) => nights,
              progress: { caller: (left: number) => `${left} more to ask.` }
            },
            run: async (_, { progress }) => {
              await progress(2)
              return booked.promise
            }
          },
          finish: { voice: { result: "silent" }, run: () => booked.resolve("room 7") }
        })
      })
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        // Another tool brings what this one awaits.
        realWait: 0,
        user: [Testing.say(500, 1500, "A room for two nights."), Testing.say(15_000, 16_000, "Go on.")],
        llm: ({ prompt, step, text }) => {
          if (JSON.stringify(prompt).includes("has not been told")) return "You have room 7."
          if (text.includes("Go on")) return { tools: [{ name: "finish" }] }
          return step === 0 ? { tools: [{ name: "book", params: { nights: 2 } }] } : "I am at it."
        },
        tts: { duration: 1000 }
      })
      assert.deepStrictEqual(timeline.messages.filter((line) => line.startsWith("assistant")), [
        "assistant: I am at it.",
        "assistant: 2 more to ask.",
        "assistant: You have room 7."
      ])
    }))

  it.effect("reports a hook that rejects or throws, and goes on", () =>
    Effect.gen(function*() {
      const agent = Agent.make({
        instructions: "You help.",
        onEnter: () => Promise.reject(new Error("secret")),
        onUserTurn: () => {
          throw new Error("secret")
        }
      })
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 1500, "Hello?")],
        llm: ["Hi."]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello?", "assistant: Hi."])
      assert.deepStrictEqual(timeline.of("ProviderFailed").map(({ provider }) => provider), ["onEnter", "onUserTurn"])
    }))

  it.effect("knows whom it talks with", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const agent = Agent.make({
        instructions: "You help.",
        onEnter: async (session) => {
          const participant = await session.participant()
          seen.push([participant?.identity, participant?.attributes])
        }
      })
      yield* Testing.scenario({ agent, user: [], until: 1000 })
      assert.deepStrictEqual(seen, [["caller", {}]])
    }))

  it.effect("changes instructions, tools and turn-taking, and mutes the microphone", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const agent = Agent.make({
        instructions: "You help.",
        tools: Tools.functions({ early: { run: () => "early" } }),
        onEnter: async (session: Session.Plain) => {
          seen.push([...(await session.tools()).entries.keys()], await session.state())
          await session.update({
            instructions: "You sell.",
            tools: Tools.functions({ late: { run: () => "late" } }),
            turn: { endpointing: { minDelay: "1 second" } }
          })
          await session.listen(false)
          const speech = await session.say("Listen to this first.")
          await speech.heard()
          await session.listen(true)
          await session.update({ turn: { endpointing: { minDelay: "never" } } } as never).catch(({ reason }) =>
            seen.push(reason)
          )
        }
      })
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(1000, 1800, "Not heard."), Testing.say(5000, 6000, "Buy it.")],
        llm: [{ tools: [{ name: "late" }] }, "It is sold."],
        tts: { duration: 2500 }
      })
      assert.deepStrictEqual(seen, [
        ["early"],
        { agent: "listening", user: "listening", status: "open", turn: 1 },
        "InvalidOption"
      ])
      assert.deepStrictEqual(timeline.of("UserSpeechCommitted").map(({ at, text }) => [at, text]), [[7000, "Buy it."]])
      assert.include(JSON.stringify(timeline.requests[0]!.prompt.content), "You sell.")
      assert.deepStrictEqual(timeline.of("FunctionCallsFinished").map(({ calls }) => calls[0]!.result), ["late"])
    }))

  it.effect("commits and clears a turn by hand", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: Agent.make({
          instructions: "You help.",
          turn: { detection: "manual" },
          onKey: async (key, session) => key === "1" ? session.commitTurn() : session.clearTurn()
        }),
        room: { kind: "sip" },
        user: [
          Testing.say(1000, 2000, "Never mind."),
          Testing.press(3000, "0"),
          Testing.say(4000, 5000, "Hello."),
          Testing.press(6000, "1")
        ],
        llm: ["Hello!"]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello.", "assistant: Hello!"])
    }))

  it.effect("waits for what it has said", () =>
    Effect.gen(function*() {
      const outcomes: Array<string> = []
      const agent = Agent.make({
        instructions: "You help.",
        onEnter: async (session: Session.Plain) => {
          const speech = await session.say("One moment.")
          outcomes.push((await speech.heard()).outcome)
          await session.close()
        }
      })
      yield* Testing.scenario({ agent, user: [], llm: [] })
      assert.deepStrictEqual(outcomes, ["completed"])
    }))

  it.effect("is told where it awaits a function that it has not called", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const agent = Agent.make({
        instructions: "You help.",
        onEnter: async (session: Session.Plain) => {
          const speech = await session.say("Hello.")
          const waits: Record<string, unknown> = {
            "speech.heard": speech.heard,
            "session.participant": session.participant,
            "session.clearTurn": session.clearTurn,
            "session.tools": session.tools,
            "session.state": session.state,
            "session.history": session.history
          }
          for (const [name, wait] of Object.entries(waits)) {
            const message = `${name} must be called: write await ${name}()`
            await Promise.resolve(wait).then(() => told.push(`${name} is waited for`), (error) => {
              if (error.message !== message) told.push(error.message)
            })
          }
          told.push((await speech.heard()).outcome)
        }
      })
      yield* Testing.scenario({ agent, user: [], tts: { duration: 500 } })
      assert.deepStrictEqual(told, ["completed"])
    }))

  it.effect("says a clip at hand, cuts in, and leaves out what comes too late", () =>
    Effect.gen(function*() {
      const outcomes: Array<string> = []
      const wrong: any = { when: "soon" }
      const agent = Agent.make({
        instructions: "You help.",
        onEnter: async (session: Session.Plain) => {
          const heard = async (asked: Promise<Session.PlainSpeech>) => {
            const { outcome, text } = await (await asked).heard()
            outcomes.push(`${text} ${outcome}`)
          }
          await Promise.all([
            heard(session.say("Welcome to the hotel.")),
            heard(session.say("Too late.", { expires: "500 millis" })),
            heard(session.say("Ding.", { clip: Audio.silence(300, Audio.speech), when: "now" })),
            session.say("No.", wrong).catch((error: unknown) => void outcomes.push(String(error)))
          ])
          await session.close()
        }
      })
      const timeline = yield* Testing.scenario({ agent, user: [], llm: [], tts: { duration: 1000 } })
      assert.include(outcomes, "Ding. completed")
      assert.include(outcomes, " discarded")
      assert.isTrue(outcomes.some((outcome) => outcome.includes("when must be")), outcomes.join())
      assert.deepStrictEqual(timeline.of("SpeechCreated").filter(({ clip }) => clip === true).length, 1)
      assert.notInclude(JSON.stringify(timeline.speeches), "Ding.")
    }))
})
