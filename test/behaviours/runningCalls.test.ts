/** Tools that take longer than a turn: what the model sees of them, and that what was asked for once is done once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { type Prompt, Tool, Toolkit } from "effect/ai"
import { thorough } from "../support/thorough.ts"

const Book = Tool.make("book", {
  parameters: Schema.Struct({
    room: Schema.Int,
    nights: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
    note: Schema.optionalKey(Schema.NullOr(Schema.String))
  }),
  success: Schema.String
})

/** An agent whose booking takes some seconds, and what it has booked. */
const desk = (takes: (room: number) => number = () => 8000, tool: typeof Book = Book) => {
  const booked: Array<number> = []
  const kit = Toolkit.make(tool)
  return {
    booked,
    agent: Agent.make({ instructions: "You book rooms.", tools: kit }),
    handlers: kit.toLayer({
      book: ({ room }) =>
        Effect.suspend(() => {
          booked.push(room)
          return Effect.delay(Effect.succeed(`booked room ${room}`), takes(room))
        })
    })
  }
}

const parts = (prompt: Prompt.Prompt) =>
  prompt.content.flatMap((message) => message.role === "tool" ? message.content : [])

/** Each call stands directly before its one result, as providers want it. */
const assertPaired = (prompt: Prompt.Prompt) =>
  prompt.content.forEach((message, i) => {
    if (message.role !== "assistant" && message.role !== "tool") return
    const calls = message.content.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
    const next = prompt.content[i + 1]
    const results = next?.role === "tool"
      ? next.content.flatMap((part) => part.type === "tool-result" ? [part.id] : [])
      : []
    if (message.role === "assistant") assert.deepStrictEqual(results, calls)
    else assert.strictEqual(prompt.content[i - 1]?.role, "assistant")
  })

const whole = (timeline: Testing.Timeline, options?: Testing.InvariantOptions) => {
  for (const { prompt } of timeline.requests) assertPaired(prompt)
  const ids = (tag: "ToolCall" | "ToolOutput") =>
    timeline.history.items.flatMap((item) => item._tag === tag ? [item.callId] : []).sort()
  assert.deepStrictEqual(ids("ToolOutput"), ids("ToolCall"))
  assert.strictEqual(new Set(ids("ToolCall")).size, ids("ToolCall").length)
  assert.notInclude(JSON.stringify(timeline.history), "Still running")
  assert.deepStrictEqual(Testing.invariants(timeline, options), [])
}

const call = (params: unknown, name = "book"): Testing.LlmToolCall => ({ name, params })
const says = (request: Testing.LlmRequest) => JSON.stringify(request.prompt)

/** It takes about three seconds from the one turn to the other, and the booking eight. */
const twoTurns = [Testing.say(500, 1500, "Book room seven."), Testing.say(4500, 5500, "Are you still there?")]

describe("a call that is running", () => {
  it.effect("is seen by the model, which says so instead of booking again", () =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk()
      const timeline = yield* Testing.scenario({
        agent,
        user: [...twoTurns, Testing.say(14_000, 15_000, "And now?")],
        llm: (request) =>
          says(request).includes("booked room 7")
            ? "Room seven is yours."
            : parts(request.prompt).length > 0
            ? "I am still working on it."
            : { tools: [call({ room: 7 })] }
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, [7])
      assert.deepStrictEqual(timeline.messages, [
        "user: Book room seven.",
        "call: book",
        "user: Are you still there?",
        "assistant: I am still working on it.",
        "output: book",
        "assistant: Room seven is yours.",
        "user: And now?",
        "assistant: Room seven is yours."
      ])
      // It stands where it was made, in words that never change; what runs is told last.
      const [, second, third] = timeline.requests.map(({ prompt }) => prompt.content)
      const roles = ["system", "user", "assistant", "tool", "user"]
      assert.deepStrictEqual(second!.map(({ role }) => role), [...roles, "system"])
      assert.include(JSON.stringify(second!.at(-1)), "book (call-1) for 4 seconds")
      // Its result comes behind all that the model has seen, which stays as it was.
      assert.deepStrictEqual(third!.slice(0, 5), second!.slice(0, 5))
      assert.deepStrictEqual(third!.slice(5).map(({ role }) => role), ["assistant", "assistant", "tool", "system"])
      const [running, ended] = parts(timeline.requests[2]!.prompt)
      assert.include(JSON.stringify(running), "Still running")
      assert.include(JSON.stringify(ended), "booked room 7")
      whole(timeline)
    }))

  it.effect.each<readonly [string, unknown]>([
    ["the same parameters", { room: 7, nights: 2 }],
    ["the same in another order", { nights: 2, room: 7 }],
    ["null for what it has not said", { room: 7, nights: 2, note: null }],
    ["the same as text", "{ \"nights\": 2, \"room\": 7 }"]
  ])("is not started again by a model that calls it with %s", ([, again]) =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk()
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent,
        user: twoTurns,
        llm: ({ index }) =>
          index === 0
            ? { tools: [call({ room: 7, nights: 2 })] }
            : index === 1
            ? { tools: [call(again)] }
            : "I am on it."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, [7])
      const outputs = timeline.history.items.flatMap((item) => item._tag === "ToolOutput" ? [item] : [])
      // The one that was not started has its output first.
      assert.deepStrictEqual(outputs.map(({ isFailure }) => isFailure), [true, false])
      assert.include(String(outputs[0]!.output), "already running")
      assert.include(String(outputs[0]!.output), "nothing was started")
      // At once, and the first is none the wiser.
      assert.deepStrictEqual(timeline.of("FunctionCallsFinished").map(({ at, calls }) => [at, calls[0]!.result]), [
        [6300, outputs[0]!.output],
        [10_300, "booked room 7"]
      ])
      whole(timeline)
    }))

  it.effect("is the same when it leaves out what has a default", () =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk()
      yield* Testing.scenario({
        agent,
        user: twoTurns,
        llm: ({ index }) =>
          index > 1 ? "I am on it." : { tools: [call(index === 0 ? { room: 7 } : { room: 7, nights: 1 })] }
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, [7])
    }))

  it.effect.each<readonly [string, typeof Book, ReadonlyArray<Testing.LlmToolCall>, ReadonlyArray<number>]>([
    ["another room", Book, [call({ room: 9 })], [7, 9]],
    ["what only reads", Book.annotate(Tool.Readonly, true) as typeof Book, [call({ room: 7 })], [7, 7]],
    ["what may be repeated", Book.annotate(Tool.Idempotent, true) as typeof Book, [call({ room: 7 })], [7, 7]],
    ["what allows it", Book.annotateMerge(Tools.voice({ duplicate: "allow" })), [call({ room: 7 })], [7, 7]],
    [
      "what only reads, but once",
      Book.annotate(Tool.Readonly, true).annotateMerge(Tools.voice({ duplicate: "confirm" })) as typeof Book,
      [call({ room: 7 })],
      [7]
    ]
  ])("does not hold up %s", ([, tool, again, expected]) =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk(undefined, tool)
      const timeline = yield* Testing.scenario({
        agent,
        user: twoTurns,
        llm: ({ index }) =>
          index === 0 ? { tools: [call({ room: 7 })] } : index === 1 ? { tools: again } : "I am on it."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, expected)
      whole(timeline)
    }))

  it.effect("is one of two where a step asks for two alike", () =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk()
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 1500, "Two single rooms, please.")],
        llm: ({ index }) => index === 0 ? { tools: [call({ room: 1 }), call({ room: 1 })] } : "Both are yours."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, [1, 1])
      whole(timeline)
    }))

  it.effect("is not started again when it ends while the model asks for it once more", () =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk(() => 4200)
      const timeline = yield* Testing.scenario({
        agent,
        user: twoTurns,
        // Asked at 6000, it calls at 7000; the booking has ended at 6500.
        llm: ({ index }) => index > 1 ? "Done." : { tools: [call({ room: 7 })], total: index === 0 ? 300 : 1000 }
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, [7])
      assert.include(JSON.stringify(timeline.requests[2]!.prompt), "has already been done")
      assert.include(JSON.stringify(timeline.requests[2]!.prompt), "booked room 7")
      whole(timeline)
    }))

  it.effect.each<readonly [string, number, ReadonlyArray<number>]>([
    ["two seconds after it has ended", 5300, [7]],
    ["sixty seconds after it has ended", 63_300, [7]],
    ["later than that", 65_000, [7, 7]]
  ])(
    "is made again by a model that calls it once more %s only if that is long ago",
    ([, at, expected]) =>
      Effect.gen(function*() {
        const { agent, booked, handlers } = desk(() => 1000)
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          agent,
          user: [Testing.say(500, 1500, "Book room seven."), Testing.type(at - 300, "Are you still there?")],
          llm: ({ step }) => step === 0 ? { tools: [call({ room: 7 })] } : "Done."
        }).pipe(Effect.provide(handlers))
        assert.deepStrictEqual(booked, expected)
        if (expected.length === 1) assert.include(says(timeline.requests.at(-1)!), "has already been done")
      })
  )

  it.effect("may be made again once the caller has cancelled it", () =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk(undefined, Book.annotateMerge(Tools.voice({ onInterruption: "cancel" })))
      const timeline = yield* Testing.scenario({
        agent,
        user: twoTurns,
        llm: ({ step }) => step === 0 ? { tools: [call({ room: 7 })] } : "Done."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(booked, [7, 7])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Done.")
      whole(timeline)
    }))

  const wish = Schema.Struct({
    after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 })),
    room: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
    kind: Schema.Literals(["typed", "spoken", "prompted"])
  })
  const long = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9000 }))

  it.effect.prop("does what was wished for once, however often the model calls for it", {
    wishes: Schema.NonEmptyArray(wish),
    takes: Schema.Tuple([long, long, long, long]),
    total: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })),
    interruption: Schema.Boolean,
    preemption: Schema.Boolean,
    shy: Schema.Boolean
  }, ({ interruption, preemption, shy, takes, total, wishes }) =>
    Effect.gen(function*() {
      const { agent, booked, handlers } = desk((room) => takes[room - 1]!)
      let clock = 500
      const timed = wishes.map(({ after, kind, room }) => {
        const at = clock + after
        clock = kind === "spoken" ? at + 1000 : at
        return { at, kind, room }
      })
      const timeline = yield* Testing.scenario({
        agent,
        user: timed.flatMap(({ at, kind, room }) =>
          kind === "spoken" ? [Testing.say(at, at + 800, `room ${room}`)] : []
        ),
        at: timed.flatMap(({ at, kind, room }): ReadonlyArray<Testing.Step<never>> =>
          kind === "spoken"
            ? []
            : [{ at, do: (session) => kind === "typed" ? session.send(`room ${room}`) : session.reply() }]
        ),
        // It calls for each room that was wished for and of which it sees no booking (where it is shy: no call),
        // in other words each time.
        llm: ({ index, prompt, toolChoice }) => {
          const wished = new Set<number>()
          const known = new Set<number>()
          for (const message of prompt.content) {
            if (message.role === "system") continue
            for (const part of message.content) {
              if (part.type === "text" && message.role === "user") {
                for (const [room] of part.text.matchAll(/\d/g)) wished.add(Number(room))
              }
              if (part.type === "tool-call" && shy) known.add((part.params as { readonly room: number }).room)
              const booking = part.type === "tool-result" ? /^booked room (\d)/.exec(String(part.result)) : null
              if (booking !== null) known.add(Number(booking[1]))
            }
          }
          const missing = [...wished].filter((room) => !known.has(room))
          return missing.length === 0 || toolChoice === "none" ? "Done." : {
            total,
            tools: missing.map((room) => call(index % 2 === 0 ? { room, nights: 1 } : { nights: 1, room }))
          }
        },
        tts: { duration: 1000 },
        options: { turn: { interruption: { enabled: interruption }, preemption: { llm: preemption } } },
        quiet: "30 seconds"
      }).pipe(Effect.provide(handlers))
      const wished = wishes.flatMap(({ kind, room }) => kind === "prompted" ? [] : [room])
      assert.deepStrictEqual(booked.toSorted(), [...new Set(wished)].toSorted())
      whole(timeline, { uninterruptible: !interruption })
    }), { arbitrary: { runs: thorough ? 150 : 40, size: 12 } })
})
