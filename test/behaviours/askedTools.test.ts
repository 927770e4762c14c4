/** Tools that somebody has to approve of, that the model ends itself, and that tell how far they are. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Agent, Llm, Session, Tools } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import * as Testing from "effect-voice/testing"
import { Prompt, Tool, Toolkit } from "effect/ai"
import * as openai from "../support/openai.ts"
import * as provider from "../support/provider.ts"

const said = (timeline: Testing.Timeline) => timeline.of("AgentSpeechCommitted").map(({ text }) => text)
const whole = (timeline: Testing.Timeline) => assert.deepStrictEqual(Testing.invariants(timeline), [])

describe("a tool that needs an approval", () => {
  const Pay = Tool.make("pay", {
    parameters: Schema.Struct({ euros: Schema.Finite }),
    success: Schema.String,
    needsApproval: ({ euros }) => euros > 10
  })
  const kit = Toolkit.make(Pay)

  const till = (options: Partial<Agent.Options> = {}) => {
    const paid: Array<number> = []
    return {
      paid,
      agent: Agent.make({ instructions: "You pay.", tools: kit, ...options }),
      handlers: kit.toLayer({
        pay: ({ euros }) =>
          Effect.sync(() => {
            paid.push(euros)
            return "paid"
          })
      })
    }
  }
  const pay = (euros: number, more: object = {}): Testing.LlmToolCall => ({ name: "pay", params: { euros, ...more } })

  const ask = (answer: string, second: Testing.LlmToolCall) =>
    Effect.gen(function*() {
      const { agent, handlers, paid } = till()
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.type(500, "Pay fifty euros."), Testing.type(5000, answer)],
        llm: ({ step, text }) => step > 0 ? "Well?" : { tools: [text === answer ? second : pay(50)] }
      }).pipe(Effect.provide(handlers))
      whole(timeline)
      return { paid, timeline }
    })

  it.effect("runs when the caller has been asked, has spoken, and the model says that they agree", () =>
    Effect.gen(function*() {
      const { paid, timeline } = yield* ask("Yes, please.", pay(50, { confirm: true }))
      assert.deepStrictEqual(paid, [50])
      const [refused] = timeline.of("FunctionCallsFinished")[0]!.calls
      assert.include(String(refused!.result), "the caller has to approve")
    }))

  it.effect.each<readonly [string, string, Testing.LlmToolCall]>([
    ["a caller who says no", "No.", pay(50, { confirm: true })],
    ["a caller who says no in a language that nobody has told of", "Nein.", pay(50, { confirm: true })],
    ["a model that only calls again", "Yes, please.", pay(50)],
    ["a question about something else", "Yes, please.", pay(60, { confirm: true })]
  ])(
    "does not run with %s",
    ([, answer, second]) => Effect.map(ask(answer, second), ({ paid }) => assert.deepStrictEqual(paid, []))
  )

  it.effect.each(
    [
      ["pl", "No.", [50]],
      ["pl", "Nie.", []],
      ["it", "No, grazie.", []],
      ["ru", "Нет.", []],
      ["tr", "No.", []]
    ] as const
  )("hears the answer in the caller's language: %s, %s", ([language, answer, expected]) =>
    Effect.gen(function*() {
      const { agent, handlers, paid } = till()
      yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 1500, "Fifty, please."), Testing.say(7000, 7600, answer)],
        stt: { language },
        llm: ({ step, text }) =>
          step > 0 ? "Well?" : { tools: [text === answer ? pay(50, { confirm: true }) : pay(50)] },
        options: { turn: { preemption: { llm: false } } }
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(paid, [...expected])
    }))

  const answered = (language: string | undefined, answer: string) =>
    Effect.gen(function*() {
      const { agent, handlers, paid } = till()
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.say(500, 1500, "Fifty."), Testing.say(7000, 7900, answer)],
        ...(language === undefined ? {} : { stt: { language } }),
        llm: ({ step, text }) =>
          step > 0 ? "Well?" : { tools: [text === answer ? pay(50, { confirm: true }) : pay(50)] },
        options: { turn: { preemption: { llm: false } } }
      }).pipe(Effect.provide(handlers))
      whole(timeline)
      return paid.length > 0
    })

  const refusals: Readonly<Record<string, string>> = {
    en:
      "Nah. | Not now. | No, not now. | Please don't. | Absolutely not. | No way. | I'd rather not. | Maybe later. | " +
      "No, I changed my mind. | No, make it sixty. | Okay, no. | Hm. | Well… | Uh-uh. | Not yet, sorry.",
    de:
      "Lieber nicht. | Nein, lieber nicht. | Auf keinen Fall. | Noch nicht. | Lassen Sie das. | Nein, machen Sie sechzig. | Hm.",
    fr: "Surtout pas. | Pas maintenant, merci. | Jamais. | Non, plutôt soixante. | Laissez tomber.",
    es: "De ninguna manera. | Todavía no. | Mejor no, gracias. | No, mejor sesenta. | Nunca.",
    it: "Assolutamente no. | Meglio di no. | Non ora. | No, facciamo sessanta. | Mai.",
    pt: "De jeito nenhum. | Melhor não. | Não, melhor sessenta. | Deixa pra lá.",
    nl: "Liever niet. | Nu niet, dank u. | Nee, doe maar zestig. | Geen sprake van.",
    pl: "Raczej nie. | Nigdy. | Nie, lepiej sześćdziesiąt. | W żadnym razie.",
    ru: "Не сейчас. | Ни в коем случае. | Нет, лучше шестьдесят. | Никогда.",
    ja: "今は結構です | いりません | いや、今はいいです"
  }
  it.effect.each(
    Object.entries(refusals).flatMap(([tag, all]) => all.split(" | ").map((answer) => [tag, answer] as const))
  )(
    "does not run for a caller who has not agreed: %s, %s",
    ([language, answer]) => Effect.map(answered(language, answer), (paid) => assert.isFalse(paid))
  )

  it.effect.each([
    ["en", "Yes."],
    ["en", "No problem."],
    ["en", "No worries, do it."],
    ["en", "No, go ahead."],
    ["en", "No, wait, yes."],
    ["en", "Sure, why not."],
    ["en", "I don't mind."],
    ["de", "Nein, das passt."],
    ["de", "Kein Problem."],
    ["fr", "Pas de problème."],
    ["es", "No hay problema."],
    ["it", "Nessun problema."],
    ["pl", "No."],
    ["pl", "Nie ma sprawy."],
    ["ru", "Не проблема."],
    ["ja", "はい"],
    [undefined, "Yes, please."],
    [undefined, "Ja, bitte."]
  ])(
    "runs for one who has, in so many words: %s, %s",
    ([language, answer]) => Effect.map(answered(language, answer!), (paid) => assert.isTrue(paid))
  )

  it.effect.each(["Lieber nicht.", "Pas maintenant.", "De ninguna manera.", "Nah."])(
    "does not run for a refusal in a language that nobody has told of: %s",
    (answer) => Effect.map(answered(undefined, answer), (paid) => assert.isFalse(paid))
  )

  it.effect("does not run in the step in which the model confirms what it has not asked", () =>
    Effect.gen(function*() {
      const { agent, handlers, paid } = till()
      yield* Testing.scenario({
        agent,
        user: [Testing.type(500, "Pay fifty euros.")],
        llm: () => ({ tools: [pay(50, { confirm: true })] })
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(paid, [])
    }))

  it.effect("runs at once where it needs none", () =>
    Effect.gen(function*() {
      const { agent, handlers, paid } = till()
      yield* Testing.scenario({
        agent,
        user: [Testing.type(500, "Pay five euros.")],
        llm: [{ tools: [pay(5)] }, "Paid."]
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(paid, [5])
    }))

  it.effect.each<readonly [string, Effect.Effect<boolean, string>, ReadonlyArray<number>]>([
    ["runs when the program approves", Effect.succeed(true), [50]],
    ["does not run when the program does not", Effect.succeed(false), []],
    ["does not run when the program fails to decide", Effect.fail("nobody is there"), []]
  ])("%s", ([, verdict, expected]) =>
    Effect.gen(function*() {
      const { agent, handlers, paid } = till({ onApproval: () => verdict })
      const timeline = yield* Testing.scenario({
        agent,
        user: [Testing.type(500, "Pay fifty euros.")],
        llm: ({ step }) => step === 0 ? { tools: [pay(50)] } : "Well."
      }).pipe(Effect.provide(handlers))
      assert.deepStrictEqual(paid, expected)
      whole(timeline)
    }))
})

describe("a caller who hangs up", () => {
  const Pay = Tool.make("pay", { success: Schema.String, needsApproval: true })
  const kit = Toolkit.make(Pay)
  const hold = (options: Partial<Agent.Options>) =>
    Effect.gen(function*() {
      const paid: Array<string> = []
      const orphans: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          tools: kit,
          onOrphanedResult: ({ output }) => Effect.sync(() => void orphans.push(output)),
          ...options
        }),
        user: [Testing.say(500, 1500, "Pay it."), Testing.leave(5000)],
        llm: ({ step }) => step === 0 ? { tools: [{ name: "pay" }] } : "Shall I pay it?",
        tts: { duration: 1000 }
      }).pipe(Effect.provide(kit.toLayer({ pay: () => Effect.sync(() => `paid ${paid.push("it")}`) })))
      return { paid, orphans, timeline }
    })

  it.effect("when they were asked for an approval has approved of nothing", () =>
    Effect.gen(function*() {
      const { orphans, paid, timeline } = yield* hold({})
      assert.deepStrictEqual([paid, orphans], [[], []])
      assert.deepStrictEqual(said(timeline), ["Shall I pay it?"])
      assert.strictEqual(timeline.left, "")
      whole(timeline)
    }))

  it.effect("while the program thinks about an approval ends that, and nothing is run", () =>
    Effect.gen(function*() {
      let ended = ""
      const { paid, timeline } = yield* hold({
        onApproval: () => Effect.onExit(Effect.never, (exit) => Effect.sync(() => void (ended = exit._tag)))
      })
      assert.deepStrictEqual(paid, [])
      assert.strictEqual(ended, "Failure")
      const [call] = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls)
      assert.isTrue(call?.isFailure)
      assert.strictEqual(timeline.events.at(-1)?._tag, "SessionClosed")
      assert.strictEqual(timeline.left, "")
      whole(timeline)
    }))
})

describe("what runs", () => {
  it.effect("is listed without the call that asks, and only what runs can be ended", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(
        Tool.make("print", { success: Schema.String }).annotateMerge(Tools.voice({ background: true }))
      )
      const answers: Array<unknown> = []
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          tools: [kit, Session.Calls]
        }).pipe(Agent.provide(Session.callsLayer)),
        user: [Testing.type(500, "Print it.")],
        at: [3000, 20_000].map((at) => ({
          at,
          do: (session: Session.Session["Service"]) =>
            Effect.gen(function*() {
              const running = yield* session.running
              const cancelled: Array<boolean> = []
              for (const id of ["nobody", "", "call-1", "call-1"]) cancelled.push(yield* session.cancel(id))
              answers.push([running.map(({ name }) => name), cancelled])
            })
        })),
        llm: ({ step }) =>
          step === 0
            ? {
              tools: [{ name: "print" }, { name: "list_running_calls" }, {
                name: "cancel_running_call",
                params: { id: "call-3" }
              }]
            }
            : "Printing."
      }).pipe(Effect.provide(kit.toLayer({ print: () => Effect.delay(Effect.succeed("printed"), "60 seconds") })))
      assert.deepStrictEqual(answers, [
        [["print"], [false, false, true, false]],
        [[], [false, false, false, false]]
      ])
      const results = new Map(
        timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls.map(({ name, result }) => [name, result]))
      )
      assert.include(String(results.get("print")), "it is not wanted any more")
      whole(timeline)
    }))

  const Print = Tool.make("print", { success: Schema.String })
  const printing = (voice: Tools.VoiceOptions<unknown, string>) => Print.annotateMerge(Tools.voice(voice))

  it.effect("may be listed and cancelled by the model, and nothing more is said of it", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(printing({ background: true }))
      const ended: Array<string> = []
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: [kit, Session.Calls] }).pipe(Agent.provide(Session.callsLayer)),
        user: [Testing.type(500, "Print it."), Testing.type(5000, "No, don't.")],
        llm: ({ prompt, step, text }) =>
          text === "Print it."
            ? step === 0 ? { tools: [{ name: "print" }] } : "Printing."
            : step === 0
            ? { tools: [{ name: "list_running_calls" }] }
            : step === 1
            ? {
              tools: [{
                name: "cancel_running_call",
                params: { id: /"id":"(call-1)"/.exec(JSON.stringify(prompt.content.at(-2)))?.[1] }
              }]
            }
            : "Cancelled."
      }).pipe(Effect.provide(kit.toLayer({
        print: () =>
          Effect.delay(Effect.succeed("printed"), "60 seconds").pipe(
            Effect.onExit((exit) => Effect.sync(() => void ended.push(exit._tag)))
          )
      })))
      const [, listed, cancelled] = timeline.of("FunctionCallsFinished").flatMap(({ calls }) => calls).toSorted((
        a,
        b
      ) => a.id < b.id ? -1 : 1)
      assert.deepStrictEqual(listed!.result, [{ id: "call-1", name: "print", seconds: 4.5 }])
      assert.deepStrictEqual(cancelled!.result, { cancelled: true })
      assert.deepStrictEqual(ended, ["Failure"])
      assert.deepStrictEqual(said(timeline), ["Printing.", "Cancelled."])
      whole(timeline)
    }))

  it.effect("tells how far it is, the caller and the model", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(printing({
        background: true,
        progress: { caller: (page) => page === "page 1" ? "The first page is out." : undefined, model: true }
      }))
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: kit }),
        user: [Testing.type(500, "Print it."), Testing.type(7000, "How far are you?")],
        llm: ({ index, step }) => index === 0 ? { tools: [{ name: "print" }] } : step > 0 ? "OK." : "At page two.",
        quiet: "15 seconds"
      }).pipe(Effect.provide(kit.toLayer({
        print: (_, { preliminary }) =>
          Effect.gen(function*() {
            for (const page of ["page 1", "page 2"]) {
              yield* Effect.sleep(3000)
              yield* preliminary(page)
            }
            return yield* Effect.delay(Effect.succeed("printed"), 20_000)
          })
      })))
      assert.include(said(timeline), "The first page is out.")
      const asked = timeline.requests.find(({ text }) => text === "How far are you?")!
      assert.include(String(asked.prompt.content.at(-1)!.content), "so far \"page 2\"")
      whole(timeline)
    }))
})

describe("how a tool behaves", () => {
  it("is refused where two things make no sense together", () => {
    // @ts-expect-error nothing waits for what is in the background
    const filler = () => Tools.voice({ background: true, filler: { say: "One moment." } })
    // @ts-expect-error nothing follows what is silent
    const silent = () => Tools.voice({ result: "silent", filler: { say: "One moment." } })
    // @ts-expect-error there is no reply to interrupt
    const interruption = () => Tools.voice({ background: true, onInterruption: "cancel" })
    // @ts-expect-error both run, whatever their keys are
    const key = () => Tools.voice({ duplicate: "allow", idempotencyKey: () => 1 })
    for (
      const [attempt, option] of [[filler, "filler"], [silent, "filler"], [interruption, "onInterruption"]] as const
    ) {
      assert.throws(attempt, option)
    }
    assert.throws(key, "idempotencyKey")
    assert.throws(() => Tools.voice({ background: { limit: "soon" as never } }), "background")
  })

  it.effect("gives the handler the id under which its call stands in the history", () =>
    Effect.gen(function*() {
      const ids: Array<string | undefined> = []
      const kit = Toolkit.make(
        Tool.make("book", { parameters: Schema.Struct({ room: Schema.Int }), success: Schema.String })
      )
      const calls = [7, 8].map((room) => ({ name: "book", id: "same", params: { room } }))
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: kit }),
        user: [Testing.type(500, "Book both.")],
        llm: [{ tools: calls }, "Booked."]
      }).pipe(Effect.provide(kit.toLayer({
        book: (_, { toolCallId }) =>
          Effect.sync(() => {
            ids.push(toolCallId)
            return "booked"
          })
      })))
      const known = timeline.history.items.flatMap((item) => item._tag === "ToolCall" ? [item.callId] : [])
      assert.deepStrictEqual(ids, known)
      assert.strictEqual(new Set(ids).size, 2)
    }))
})

describe("a tool that may have to be confirmed", () => {
  const Book = Tool.make("book", {
    description: "Books a room",
    parameters: Schema.Struct({ room: Schema.Int, note: Schema.optionalKey(Schema.String) }),
    success: Schema.String
  })
  const Vote = Tool.make("vote", { parameters: Schema.Struct({ confirm: Schema.Boolean }), success: Schema.String })
  const Plain = Tool.dynamic("plain", { parameters: { type: "object", properties: { at: { type: "string" } } } })
  const Ring = Tool.make("ring", { success: Schema.String })
  const Look = Tool.make("look", { parameters: Schema.Struct({ room: Schema.Int }), success: Schema.String })
    .annotate(Tool.Readonly, true)
  const Pay = Tool.make("pay", {
    parameters: Schema.Struct({ cents: Schema.Int }),
    success: Schema.String,
    needsApproval: true
  }).annotate(Tool.Idempotent, true)
  // effect/ai takes every tool for one that may do harm: to say that it does none is no leave to do it twice.
  const Add = Tool.make("add", { parameters: Schema.Struct({ item: Schema.String }), success: Schema.String })
    .annotate(Tool.Destructive, false)

  const Kit = Toolkit.make(Book, Vote, Plain, Ring, Look, Pay, Add)
  const handlers = Kit.toLayer({
    book: ({ room }) => Effect.succeed(`room ${room}`),
    vote: () => Effect.succeed("done"),
    plain: () => Effect.succeed("done"),
    ring: () => Effect.succeed("done"),
    look: () => Effect.succeed("free"),
    pay: () => Effect.succeed("paid"),
    add: () => Effect.succeed("added")
  })

  /** What the model is told of the tools, twice in one call. */
  const toldOf = Effect.gen(function*() {
    const tools: Array<ReadonlyArray<Tool.Any>> = []
    const llm = Llm.make({
      name: "listening",
      reply: (request) => {
        tools.push(request.tools)
        return Stream.make({ _tag: "Text", text: "Yes." }, { _tag: "Finish" })
      }
    })
    yield* Testing.scenario({
      preset: "mechanics",
      agent: Agent.make({ instructions: "", tools: Kit, llm }),
      user: [Testing.say(500, 1500, "Hello."), Testing.say(5000, 6000, "Hello again.")],
      tts: { duration: 500 }
    }).pipe(Effect.provide(handlers))
    return tools
  })

  it.effect("shows the model a parameter for that, always the same, and the others none", () =>
    Effect.gen(function*() {
      const [first, second] = yield* toldOf
      const fields = first!.map((tool) => [tool.name, Object.keys(Tool.getJsonSchema(tool)["properties"] ?? {})])
      assert.deepStrictEqual(fields, [
        ["book", ["room", "note", "confirm"]],
        ["vote", ["confirm", "confirm_again"]],
        ["plain", ["at", "confirm"]],
        ["ring", ["confirm"]],
        ["look", ["room"]],
        ["pay", ["cents", "confirm"]],
        ["add", ["item", "confirm"]]
      ])
      assert.deepStrictEqual(Tool.getJsonSchema(first![0]!)["required"], ["room"])
      assert.strictEqual(first![0]!.description, "Books a room")
      for (const [i, tool] of first!.entries()) assert.strictEqual(tool, second![i])
    }))

  it.live("can be confirmed by a model that is bound to a strict schema", () =>
    Effect.gen(function*() {
      const [[tool]] = (yield* toldOf) as [readonly [Tool.Any]]
      const answers = [{ room: 7, note: null, confirm: null }, { room: 7, note: null, confirm: true }]
      let asked = 0
      const server = yield* provider.http((request, response) =>
        openai.respondingCall("book", answers[asked++])(request, response)
      )
      const { llm } = yield* OpenAiLlm.make({ baseUrl: `${server.url}/v1`, api: "responses" })
      const params: Array<unknown> = []
      for (const _ of answers) {
        const deltas = yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Book."), tools: [tool] }))
        params.push(...deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta.params] : []))
      }
      assert.deepStrictEqual(params, [{ room: 7 }, { room: 7, confirm: true }])
      const [{ parameters, strict }] = JSON.parse((yield* server.next).body.toString()).tools
      assert.isTrue(strict)
      assert.isFalse(parameters.additionalProperties)
      assert.sameMembers(parameters.required, ["room", "note", "confirm"])
    }))
})
