import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, Failure, Llm, type Pipeline, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const hello = Testing.say(1000, 2500, "Hello, how are you?")
const sound = (timeline: Testing.Timeline, options?: Parameters<typeof Testing.invariants>[1]) =>
  assert.deepStrictEqual(Testing.invariants(timeline, options), [])
/** What the program has asked for, by its number; replies by their turn. */
const nameOf = (timeline: Testing.Timeline) => {
  const asked = timeline.of("SpeechCreated").filter(({ source }) => source !== "turn").map(({ speech }) => speech)
  return (speech: string) => asked.includes(speech) ? `say-${asked.indexOf(speech) + 1}` : speech.replace(/\..*/, "")
}
const outcomes = (timeline: Testing.Timeline) =>
  timeline.of("SpeechFinished").map(({ outcome, speech }) => `${nameOf(timeline)(speech)} ${outcome}`)
const played = (timeline: Testing.Timeline) => timeline.playbacks.map(({ speech }) => nameOf(timeline)(speech))
const say = (text: string, options?: Session.SayOptions) => Session.Session.use((session) => session.say(text, options))
const lastPrompt = (timeline: Testing.Timeline) =>
  timeline.requests.at(-1)!.prompt.content.map(({ content, role }) =>
    `${role}: ${
      typeof content === "string"
        ? content
        : content.map((part) => part.type === "text" ? part.text : part.type).join("")
    }`
  )

describe("a reply", () => {
  it.effect.each([
    "Oh! Bye!",
    "We close at six. See you *soon*!",
    "Really? Yes!\\",
    "That is *all"
  ])("is given to the voice with the signs at its end: %s", (text) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({ user: [hello], llm: [text] })
      const pieces = timeline.speeches[0]?.pieces ?? []
      assert.match(pieces.join(""), /(bye!|soon!|Yes!\\|all)$/i)
      for (const piece of pieces) assert.match(piece, /\w/)
    }))

  it.effect("is cut for the voice by the language that was spoken last, and before that by the one that is set", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "x", onEnter: say("Wir haben bis zum 3. Oktober geöffnet.") }),
        options: { turn: { language: "de" }, minSentence: 1 },
        user: [
          Testing.say(6000, 7000, "你好", { language: "zh" }),
          Testing.say(20_000, 21_000, "Bonjour", { language: "multi" }),
          Testing.say(40_000, 41_000, "Ciao", { language: "it-IT" })
        ],
        llm: ["你好！今天天气很好。你想知道什么？", "不。", "Il Sig. Rossi arriva."],
        tts: { duration: 3000 }
      })
      assert.deepStrictEqual(timeline.speeches.map(({ pieces }) => pieces.map((piece) => piece.trim())), [
        ["Wir haben bis zum 3. Oktober geöffnet."],
        ["你好！", "今天天气很好。", "你想知道什么？"],
        ["不。"],
        ["Il Sig. Rossi arriva."]
      ])
    }))

  it.effect("of Chinese is begun with fewer characters", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [Testing.say(1000, 2000, "你好", { language: "zh" })],
        llm: ["今天天气非常好啊。你想知道一点什么吗？"],
        tts: { duration: 3000 }
      })
      assert.deepStrictEqual(timeline.speeches[0]?.pieces, ["今天天气非常好啊。", "你想知道一点什么吗？"])
    }))
})

describe("what is said in onUserTurn", () => {
  it.effect.each([[0, false], [4000, false], [0, true], [4000, true]] as const)(
    "is heard before the reply, however long the hook takes (%d ms) and whether it waits for it (%s)",
    ([takes, waits]) =>
      Effect.gen(function*() {
        let heard: Session.Heard | undefined
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          agent: Agent.make({
            instructions: "Talk.",
            onUserTurn: () =>
              Effect.gen(function*() {
                const speech = yield* say("One moment.")
                if (waits) heard = yield* speech.heard
                yield* Effect.sleep(takes)
              })
          }),
          user: [hello],
          llm: () => "I am fine.",
          tts: { duration: 1000 },
          options: { turn: { preemption: { llm: true } } }
        })
        assert.deepStrictEqual(timeline.messages, [
          "user: Hello, how are you?",
          "assistant: One moment.",
          "assistant: I am fine."
        ])
        assert.deepStrictEqual(outcomes(timeline), ["say-1 completed", "turn-1 completed"])
        if (waits) assert.deepInclude(heard, { text: "One moment.", outcome: "completed" })
        const prompt = lastPrompt(timeline)
        assert.strictEqual(prompt.at(-2), "user: Hello, how are you?")
        assert.match(prompt.at(-1)!, /^system: [^]*One moment\.$/)
        sound(timeline)
      })
  )

  it.effect("may be longer than the hook may take: the time in which it is heard does not count", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onUserTurn: () =>
            Effect.gen(function*() {
              yield* (yield* say("This takes longer than a hook may take.")).heard
              yield* Effect.sleep(700)
              return { text: "Changed." }
            })
        }),
        user: [hello],
        llm: ["Fine."],
        tts: ({ text }) => ({ duration: text.startsWith("This") ? 3000 : 500 }),
        options: { hookTimeout: 1000 }
      })
      assert.deepStrictEqual(timeline.of("Warning"), [])
      assert.strictEqual(timeline.messages[0], "user: Changed.")
      sound(timeline)
    }))

  it.effect("a hook that is over its own time is late all the same", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onUserTurn: () =>
            Effect.gen(function*() {
              yield* (yield* say("A moment.")).heard
              return yield* Effect.never
            })
        }),
        user: [hello],
        llm: ["Fine."],
        tts: { duration: 1500 },
        options: { hookTimeout: 1000 }
      })
      // Committed at 3000, heard from 3200 to 4700.
      timeline.expect(["Warning", 5500, { component: "hook" }])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Fine.")
    }))

  it.effect("is awaited in vain where it comes after the reply: that fails at once", () =>
    Effect.gen(function*() {
      const failed: Array<string> = []
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onUserTurn: () =>
            Effect.gen(function*() {
              const speech = yield* say("Later.", { when: "idle" })
              yield* Effect.catch(speech.heard, ({ reason }) => Effect.sync(() => void failed.push(reason)))
            })
        }),
        user: [hello],
        llm: ["Fine."]
      })
      assert.deepStrictEqual(failed, ["Deadlock"])
      assert.deepStrictEqual(timeline.messages.slice(1), ["assistant: Fine.", "assistant: Later."])
      sound(timeline)
    }))

  it.effect("an older speech that the turn has silenced is awaited in vain, too", () =>
    Effect.gen(function*() {
      const failed: Array<string> = []
      let older: Session.Speech | undefined
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onEnter: Effect.map(say("A long welcome that takes a while to be said."), (speech) => (older = speech)),
          onUserTurn: () => Effect.catch(older!.heard, ({ reason }) => Effect.sync(() => void failed.push(reason)))
        }),
        user: [Testing.type(2000, "Hi")],
        tts: { duration: 5000 },
        llm: ["Fine."]
      })
      assert.deepStrictEqual(failed, ["Deadlock"])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Fine.")
    }))

  it.effect("goes on after a cough, so that the hook which waits for it goes on", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onUserTurn: () => Effect.flatMap(say("One moment, I am looking it up."), ({ heard }) => heard)
        }),
        user: [hello, Testing.cough(4000, 5000)],
        tts: { duration: 3000 },
        llm: ["Fine."]
      })
      timeline.expect(["FalseInterruption", 5500, { resumed: true }])
      assert.deepStrictEqual(outcomes(timeline), ["say-1 completed", "turn-1 completed"])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Fine.")
    }))

  it.effect("stands alone where the hook declines the reply", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", onUserTurn: () => Effect.as(say("Noted."), { reply: false }) }),
        user: [hello]
      })
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: Noted."])
      sound(timeline)
    }))
})

describe("what is said in a tool", () => {
  it.effect.each(
    ([undefined, "withReply", "now", "idle"] as const).flatMap((when) =>
      [0, 100, 1000].map((takes) => [when, takes] as const)
    )
  )("(when: %s, a tool of %d ms) stands in the history as it was heard", ([when, takes]) =>
    Effect.gen(function*() {
      const go = {
        run: () =>
          Effect.as(Effect.andThen(say("One moment.", when === undefined ? {} : { when }), Effect.sleep(takes)), 1)
      }
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools: Tools.functions({ go }) }),
        user: [hello],
        llm: [{ tools: [{ name: "go" }] }, "It is done."]
      })
      const heard = timeline.of("AgentSpeechCommitted").map(({ text }) => `assistant: ${text}`)
      // Before the reply, unless the program has said otherwise.
      assert.deepStrictEqual(heard.toSorted(), ["assistant: It is done.", "assistant: One moment."])
      if (when !== "idle") assert.strictEqual(heard[0], "assistant: One moment.")
      assert.deepStrictEqual(timeline.messages.filter((message) => message.startsWith("assistant")), heard)
      sound(timeline)
    }))
})

describe("a speech that is awaited where it cannot come", () => {
  const Wait = Toolkit.make(
    Tool.make("wait", { parameters: Schema.Struct({ other: Schema.Int }), success: Schema.String })
  )
  const Transfer = Toolkit.make(Tool.make("transfer", { success: Schema.String, dependencies: [Session.Session] }))

  it.effect("fails at once in onExit of an agent whose tool hands over", () =>
    Effect.gen(function*() {
      const failed: Array<string> = []
      let own: Session.Speech | undefined
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          tools: Transfer,
          onExit: Effect.suspend(() =>
            Effect.catch(own!.heard, ({ reason }) => Effect.sync(() => void failed.push(reason)))
          )
        }),
        at: [{ at: 500, do: (session) => Effect.map(session.reply(), (speech) => (own = speech)) }],
        llm: [{ tools: [{ name: "transfer" }] }, "Done."],
        until: 8000
      }).pipe(Effect.provide(Transfer.toLayer({
        transfer: () =>
          Session.Session.use((session) =>
            Effect.as(session.handoff(Agent.make({ name: "other", instructions: "" })), "handed over")
          )
      })))
      assert.deepStrictEqual(failed, ["OwnSpeech"])
      timeline.expect(["AgentChanged", 800, { to: "other" }])
    }))

  it.effect("fails at once where two tools wait for the speeches of one another", () =>
    Effect.gen(function*() {
      const failed: Array<string> = []
      const speeches: Array<Session.Speech> = []
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools: Wait }),
        at: [
          { at: 500, do: (session) => Effect.map(session.reply(), (speech) => speeches.push(speech)) },
          {
            at: 501,
            do: (session) => Effect.map(session.reply(), (speech) => speeches.push(speech))
          }
        ],
        llm: ({ index }) => index < 2 ? { tools: [{ name: "wait", params: { other: 1 - index } }] } : "Done.",
        until: 8000
      }).pipe(Effect.provide(Wait.toLayer({
        wait: ({ other }) =>
          speeches[other]!.heard.pipe(
            Effect.catch(({ reason }) => Effect.sync(() => void failed.push(reason))),
            Effect.as("done")
          )
      })))
      assert.deepStrictEqual(failed, ["OwnSpeech"])
      assert.deepStrictEqual(outcomes(timeline).toSorted(), ["say-1 completed", "say-2 completed"])
    }))
})

describe("what is said from elsewhere", () => {
  for (
    const [at, what] of [[1500, "while the caller talks"], [2900, "before the commit"], [
      3050,
      "while the model thinks"
    ]] as const
  ) {
    it.effect.each(
      [["idle", ["Fine.", "Your taxi has arrived."]], ["withReply", ["Your taxi has arrived.", "Fine."]]] as const
    )(
      `${what}: it is heard with the reply, on the side that was asked for (%s)`,
      ([when, order]) =>
        Effect.gen(function*() {
          const timeline = yield* Testing.scenario({
            preset: "mechanics",
            user: [hello],
            at: [{ at, do: (session) => session.say("Your taxi has arrived.", { when }) }],
            llm: ["Fine."]
          })
          assert.deepStrictEqual(timeline.messages, [
            "user: Hello, how are you?",
            ...order.map((text) => `assistant: ${text}`)
          ])
          sound(timeline)
        })
    )
  }

  it.effect.each([1500, 2900, 3050])(
    "a reply that is asked for at %d stands in the history where it was heard",
    (at) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          user: [hello],
          at: [{ at, do: (session) => session.reply({ instructions: "Tell that the taxi is here." }) }],
          llm: ({ prompt }) => JSON.stringify(prompt).includes("taxi") ? "Your taxi is here." : "Fine."
        })
        const heard = timeline.of("AgentSpeechCommitted").map(({ text }) => `assistant: ${text}`)
        assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", ...heard])
        assert.strictEqual(heard.length, 2)
        sound(timeline)
      })
  )

  it.effect("asked for before the caller began: their turn ends it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", onEnter: say("A welcome of some length, longer than needed.") }),
        user: [hello],
        at: [{ at: 500, do: (session) => session.say("By the way.") }],
        tts: { duration: 4000 },
        llm: ["Fine."]
      })
      assert.deepStrictEqual(outcomes(timeline).slice(0, 2), ["say-1 interrupted", "say-2 interrupted"])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Fine.")
      sound(timeline)
    }))

  it.effect("talked over: it ends, whenever it was asked for", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(6000, 7500, "Stop that please")],
        at: [{ at: 1500, do: (session) => session.say("A long announcement about everything.", { when: "idle" }) }],
        tts: ({ text }) => ({ duration: text.startsWith("A long") ? 9000 : 500 }),
        llm: ["Fine.", "Sorry."]
      })
      assert.include(outcomes(timeline), "say-1 interrupted")
      assert.strictEqual(timeline.messages.at(-1), "assistant: Sorry.")
      sound(timeline)
    }))
})

describe("what cuts in", () => {
  const long = Testing.say(1000, 20_000, "And then he said and then she said and then they said")

  it.effect("at the limit of a turn it is heard at once, over the caller", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", onTurnLimit: () => say("Let me stop you there.") }),
        user: [long],
        stt: { interims: true },
        tts: { duration: 1500 },
        options: { turn: { limits: { maxSpeech: 5000, maxWords: 4 } } }
      })
      const [reached] = timeline.of("UserTurnLimitReached")
      const [first] = timeline.playbacks
      assert.strictEqual(first!.start, reached!.at + 200)
      assert.deepInclude(first!, { playedMs: 1500, interrupted: false })
      sound(timeline)
    }))

  it.effect("it is not interrupted for two seconds, and then it is", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [long],
        at: [{ at: 3000, do: (session) => session.say("Let me stop you there for good.", { when: "now" }) }],
        tts: { duration: 6000 },
        until: 15_000
      })
      timeline.expect(["AgentStartedSpeaking", 3200], ["AgentPaused", 5200])
    }))

  it.effect("it takes the floor from what the agent says, and goes before what waits", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [
          { at: 500, do: (session) => session.say("One two three four five six.") },
          {
            at: 600,
            do: (session) => session.say("Seven.")
          },
          { at: 1500, do: (session) => session.say("Fire!", { when: "now" }) }
        ],
        tts: ({ text }) => ({ duration: text === "One two three four five six." ? 5000 : 500 })
      })
      assert.deepStrictEqual(played(timeline), ["say-1", "say-3", "say-2"])
      assert.isTrue(timeline.playbacks[0]!.interrupted)
      sound(timeline)
    }))

  it.effect("also where the user may not interrupt", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [
          { at: 500, do: (session) => session.say("One two three four five six.") },
          {
            at: 1500,
            do: (session) => session.say("Fire!", { when: "now" })
          }
        ],
        tts: { duration: 5000 },
        options: { turn: { interruption: { enabled: false } } }
      })
      assert.deepStrictEqual(timeline.playbacks.map(({ interrupted }) => interrupted), [true, false])
    }))

  it.effect("it waits for what is protected", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [
          { at: 500, do: (session) => session.say("This call is recorded.", { protected: true }) },
          {
            at: 1000,
            do: (session) => session.say("Fire!", { when: "now" })
          }
        ],
        tts: { duration: 2000 }
      })
      assert.deepStrictEqual(
        timeline.playbacks.map(({ interrupted, speech }) => [nameOf(timeline)(speech), interrupted]),
        [
          ["say-1", false],
          ["say-2", false]
        ]
      )
    }))

  it.effect("the words that it has cut off are answered after it", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [Testing.say(1000, 4000, "And then he said")],
        at: [{ at: 3000, do: (session) => session.say("Let me stop you.", { when: "now" }) }],
        tts: { duration: 3000 },
        llm: ["I see."]
      })
      assert.deepStrictEqual(
        timeline.playbacks.map((
          { interrupted, playedMs, speech }
        ) => [nameOf(timeline)(speech), playedMs, interrupted]),
        [
          ["say-1", 3000, false],
          ["turn-1", 3000, false]
        ]
      )
      assert.deepStrictEqual(timeline.messages, [
        "assistant: Let me stop you.",
        "user: And then he said",
        "assistant: I see."
      ])
      sound(timeline)
    }))
})

describe("what expires", () => {
  it.effect("is not said, and told as discarded, where the floor is not free in time", () =>
    Effect.gen(function*() {
      let heard: unknown
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [
          { at: 500, do: (session) => session.say("A long explanation of the matter.") },
          {
            at: 1000,
            do: (session) =>
              Effect.flatMap(session.say("Your taxi is here.", { expires: "2 seconds" }), ({ heard: all }) =>
                Effect.map(all, (result) => (heard = result)))
          },
          {
            at: 1000,
            do: (session) =>
              session.say("Goodbye.", { expires: "20 seconds" })
          }
        ],
        tts: { duration: 5000 }
      })
      timeline.expect(["SpeechFinished", 3000, { outcome: "discarded", reason: "expired" }])
      assert.deepInclude(heard, { outcome: "discarded", text: "" })
      assert.deepStrictEqual(played(timeline), ["say-1", "say-3"])
      sound(timeline)
    }))

  it.effect("is not cut off by its time once it is audible", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [{ at: 500, do: (session) => session.say("One two three.", { expires: 1000 }) }],
        tts: { duration: 5000 }
      })
      assert.deepStrictEqual(outcomes(timeline), ["say-1 completed"])
    }))

  it.effect("before anybody is there", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        room: { joins: 5000 },
        at: [{ at: 0, do: (session) => session.say("Soon.", { expires: "1 second" }) }],
        until: 9000
      })
      assert.deepStrictEqual(timeline.playbacks, [])
      assert.deepStrictEqual(outcomes(timeline), ["say-1 discarded"])
    }))
})

describe("a reply of which nothing can be heard", () => {
  const Look = Toolkit.make(Tool.make("look", { success: Schema.String }))
  const LookLive = Look.toLayer({ look: () => Effect.succeed("seen") })
  const again = (reason: string) => [{ reason, retried: true }, { reason, retried: false }]
  const told = (timeline: Testing.Timeline) =>
    timeline.of("ReplyEmpty").map(({ reason, retried }) => ({ reason, retried }))

  it.effect("was empty once: the model is asked once more, and answers", () =>
    Effect.gen(function*() {
      for (const llm of [true, false]) {
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          user: [hello],
          llm: ["", "I am fine."],
          options: { turn: { preemption: { llm } } }
        })
        assert.deepStrictEqual(told(timeline), [{ reason: "empty", retried: true }])
        assert.strictEqual(timeline.messages.at(-1), "assistant: I am fine.")
        sound(timeline)
      }
    }))

  it.effect.each([["", "empty"], [" \n", "blank"]] as const)(
    "%j: twice, and the caller is told",
    ([text, reason]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({ preset: "mechanics", user: [hello], llm: () => text })
        assert.deepStrictEqual(told(timeline), again(reason))
        assert.deepInclude(timeline.of("SpeechFinished")[0], { outcome: "failed", reason })
        assert.match(timeline.messages.at(-1)!, /^assistant: Sorry/)
        assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
        sound(timeline)
      })
  )

  it.effect.each(["👍", "...", "—"])(
    "%j: it is told as an event, and no synthesiser is asked",
    (text) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({ preset: "mechanics", user: [hello], llm: [text] })
        assert.deepStrictEqual(told(timeline), [{ reason: "wordless", retried: false }])
        assert.deepStrictEqual(timeline.speeches, [])
        assert.deepStrictEqual(outcomes(timeline), ["turn-1 completed"])
        sound(timeline)
      })
  )

  it.effect("asks for tools without end", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools: Look }),
        user: [hello],
        llm: () => ({ tools: [{ name: "look" }] })
      }).pipe(Effect.provide(LookLive))
      assert.deepStrictEqual(told(timeline), [{ reason: "steps", retried: false }])
      assert.match(timeline.messages.at(-1)!, /^assistant: Sorry/)
      sound(timeline)
    }))

  it.effect("after a tool: it is asked once more", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools: Look }),
        user: [hello],
        llm: [{ tools: [{ name: "look" }] }, "", "I have seen it."]
      }).pipe(Effect.provide(LookLive))
      assert.deepStrictEqual(told(timeline), [{ reason: "empty", retried: true }])
      assert.strictEqual(timeline.messages.at(-1), "assistant: I have seen it.")
      sound(timeline)
    }))
})

describe("a reply that fails", () => {
  const once: Pipeline.Options = { resilience: { retries: 0 } }

  it.effect("is told to the caller at once, in words of its own", () =>
    Effect.gen(function*() {
      for (
        const [failedReply, text] of [
          [undefined, "Sorry, I could not answer that. Could you say it again?"],
          [{ text: "Wie bitte?" }, "Wie bitte?"]
        ] as const
      ) {
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          user: [hello],
          llm: [{ fail: true }],
          options: { ...once, failedReply }
        })
        const failed = timeline.of("SpeechFinished").find(({ speech }) => speech === "turn-1")!
        assert.strictEqual(failed.reason, "llm")
        assert.strictEqual(timeline.playbacks[0]!.start, failed.at + 200)
        assert.strictEqual(timeline.messages.at(-1), `assistant: ${text}`)
        sound(timeline)
      }
    }))

  const refuses = (after: Effect.Effect<void>) =>
    Layer.succeed(
      Llm.Llm,
      Llm.make({
        name: "refuses",
        reply: () =>
          Stream.unwrap(
            Effect.as(
              after,
              Stream.fail(new Llm.LlmError({ provider: "refuses", reason: new Failure.Rejected({ status: 401 }) }))
            )
          )
      })
    )

  it.effect("is told however soon the model fails: in the same breath, by an open breaker, or ahead of the turn", () =>
    Effect.gen(function*() {
      const broken = Llm.layerResilient(Testing.layerLlm(() => ({ fail: true })), {
        breaker: { consecutiveFailures: 1 }
      })
      for (const llm of [refuses(Effect.void), refuses(Effect.yieldNow), refuses(Effect.sleep(1)), broken]) {
        for (const ahead of [true, false]) {
          for (
            const user of [
              [hello, Testing.say(15_000, 16_000, "Hello?")],
              [Testing.type(1000, "Hello?"), Testing.type(15_000, "Hello?")]
            ]
          ) {
            const timeline = yield* Testing.scenario({
              user,
              layer: llm,
              options: { ...once, turn: { preemption: { llm: ahead } } }
            })
            const apologies = timeline.messages.filter((message) => message.startsWith("assistant: Sorry, I could not"))
            assert.strictEqual(apologies.length, 2)
          }
        }
      }
    }))

  it.effect("is told by a clip where the synthesiser has failed", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: ["Fine."],
        tts: { fail: true },
        options: once
      })
      assert.closeTo(timeline.playbacks[0]!.playedMs, 3695, 2)
      assert.strictEqual(timeline.of("ProviderFailed").length, 1)
      sound(timeline)
    }))

  const sorry = "assistant: Sorry, I could not answer that. Could you say it again?"

  it.effect("is told where it breaks off after something was heard, too, and runs no call of what broke off", () =>
    Effect.gen(function*() {
      let booked = 0
      const agent = Agent.make({
        instructions: "",
        tools: Tools.functions({ book: { run: () => `number ${++booked}` } })
      })
      const book = { at: 150, delta: { name: "book" } }
      const broken = {
        deltas: [{ at: 100, delta: "Let me see. " }, book, { at: 200, delta: "It" }],
        after: 2,
        fail: true
      }
      const model: ReadonlyArray<readonly [Testing.LlmScript, ReadonlyArray<string>, number]> = [
        [[{ text: "Let me see. I am", after: 3, fail: true }], ["assistant: Let me see.", sorry], 0],
        [[{ ...broken, fail: true }], ["assistant: Let me see.", sorry], 0],
        [
          [{ text: "One moment.", tools: [{ name: "book" }] }, { fail: true }, "It is number one."],
          ["assistant: One moment.", "call: book", "output: book", sorry, "assistant: It is number one."],
          1
        ]
      ]
      for (const [llm, said, calls] of model) {
        booked = 0
        const timeline = yield* Testing.scenario({ preset: "mechanics", agent, user: [hello], llm, options: once })
        assert.deepStrictEqual(timeline.messages.slice(1), said)
        assert.strictEqual(booked, calls)
        assert.strictEqual(timeline.of("SpeechFinished")[0]!.outcome, "failed")
        sound(timeline)
      }
    }))

  it.effect("is told once, and not where the program says something itself", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({
          instructions: "",
          onFailure: () => Session.Session.use((session) => session.say("I have lost my thread."))
        }),
        user: [hello],
        llm: [{ text: "Let me see. I am", after: 3, fail: true }],
        options: once
      })
      assert.deepStrictEqual(timeline.messages.slice(1), [
        "assistant: Let me see.",
        "assistant: I have lost my thread."
      ])
    }))

  it.effect("is not told of where the caller goes on talking or cuts it, or where that is not wanted", () =>
    Effect.gen(function*() {
      const talking = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(3100, 5000, "And what about you?")],
        llm: ({ text }) => text.includes("you?") && text.startsWith("Hello") ? { fail: true, total: 1000 } : "Fine.",
        options: once
      })
      assert.notInclude(talking.messages.join(), "Sorry")
      const long = { text: "This is the first sentence. And this is the second.", fail: true, after: 8 } as const
      const cut = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(3700, 5500, "And what about you?")],
        llm: [long, "Fine."],
        options: once
      })
      assert.deepStrictEqual(cut.of("SpeechFinished").map(({ outcome }) => outcome), ["interrupted", "completed"])
      assert.notInclude(cut.messages.join(), "Sorry")
      for (const reply of [{ fail: true }, long] as const) {
        const off = yield* Testing.scenario({
          preset: "mechanics",
          user: [hello],
          llm: [reply],
          options: { ...once, failedReply: false }
        })
        assert.notInclude(off.messages.join(), "Sorry")
      }
    }))
})

describe("what a tool says", () => {
  const Look = Toolkit.make(Tool.make("look", { success: Schema.String, dependencies: [Session.Session] }))
  const cases = [0, 300, 800, 1500].flatMap((before) =>
    [0, 100, 2000].flatMap((after) => [true, false].map((waits) => [before, after, waits] as const))
  )
  it.effect.each(cases)(
    "comes after what led to the call, and before the reply to its result (%d ms before, %d ms after; waits: %j)",
    ([before, after, waits]) =>
      Effect.gen(function*() {
        const timeline = yield* Testing.scenario({
          agent: Agent.make({ instructions: "", tools: Look }),
          user: [hello],
          llm: ({ step }) =>
            step === 0 ? { text: "One moment please, madam.", tools: [{ name: "look" }] } : "That is all."
        }).pipe(Effect.provide(Look.toLayer({
          look: () =>
            Effect.gen(function*() {
              yield* Effect.sleep(before)
              const speech = yield* Session.Session.use((session) => session.say("Your code is seven."))
              if (waits) yield* Effect.orDie(speech.heard)
              yield* Effect.sleep(after)
              return "seen"
            })
        })))
        assert.deepStrictEqual(timeline.messages.filter((line) => line.startsWith("assistant")), [
          "assistant: One moment please, madam.",
          "assistant: Your code is seven.",
          "assistant: That is all."
        ])
        sound(timeline)
      })
  )
})

describe("a silence that is owed", () => {
  const slow = (total: number): Testing.LlmReply => ({ text: "I am fine.", firstToken: total, total })

  it.effect("is filled after two seconds, once a turn, and the reply follows", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: [slow(12_000)],
        tts: { duration: 800 },
        options: { filler: true, resilience: { firstOutput: "20 seconds", attempt: "20 seconds" } }
      })
      // Committed at 3000, 200 ms of synthesis.
      assert.deepStrictEqual(timeline.playbacks.map(({ start }) => start), [5200, 15_200])
      assert.deepStrictEqual(timeline.messages, ["user: Hello, how are you?", "assistant: I am fine."])
      sound(timeline)
    }))

  it.effect("is filled while a hook thinks, and between tools", () =>
    Effect.gen(function*() {
      const Slow = Toolkit.make(Tool.make("slow", { success: Schema.String }))
      const hook = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", onUserTurn: () => Effect.sleep(5000) }),
        user: [hello],
        llm: ["Fine."],
        options: { filler: { say: "Hm." } }
      })
      assert.strictEqual(hook.playbacks[0]!.start, 5200)
      assert.strictEqual(hook.playbacks[1]!.speech, "turn-1")
      sound(hook)
      const tool = yield* Testing.scenario({
        preset: "mechanics",
        agent: Agent.make({ instructions: "", tools: Slow }),
        user: [hello],
        llm: [{ text: "I am looking.", tools: [{ name: "slow" }] }, "Found."],
        tts: { duration: 1000 },
        options: { filler: { say: "Still looking.", after: "1 second" } }
      }).pipe(Effect.provide(Slow.toLayer({ slow: () => Effect.delay(Effect.succeed("it"), 6000) })))
      assert.deepStrictEqual(tool.playbacks.map(({ start }) => start)[1], tool.playbacks[0]!.end! + 1200)
      assert.strictEqual(tool.messages.at(-1), "assistant: Found.")
      sound(tool)
    }))

  it.effect("is filled by what is given: a text, texts in turn, a function, a clip", () =>
    Effect.gen(function*() {
      const clip = { samples: new Int16Array(8000), sampleRate: 16_000, channels: 1 }
      const ask = (filler: Pipeline.Options["filler"]) =>
        Testing.scenario({
          preset: "mechanics",
          user: [hello, Testing.say(20_000, 21_000, "And now?")],
          llm: () => slow(4000),
          tts: { duration: 800 },
          options: { filler }
        })
      const said = (timeline: Testing.Timeline) => timeline.speeches.map(({ pieces }) => pieces.join(""))
      assert.deepStrictEqual(said(yield* ask({ say: ["One.", "Two."] })), ["One.", "I am fine.", "Two.", "I am fine."])
      assert.deepStrictEqual(
        said(
          yield* ask({ say: (session) => Effect.map(session.state, ({ turn }) => turn === 2 ? "Once." : undefined) })
        ),
        ["Once.", "I am fine.", "I am fine."]
      )
      const clips = yield* ask({ clip })
      assert.deepStrictEqual(clips.playbacks.map(({ playedMs }) => playedMs), [500, 800, 500, 800])
      sound(clips)
    }))

  it.effect("is left alone where the reply is there before the filler, and where nobody asked for fillers", () =>
    Effect.gen(function*() {
      const late = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: [slow(2050)],
        tts: { duration: 500 },
        options: { filler: true }
      })
      assert.strictEqual(played(late)[0], "say-1")
      const early = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello],
        llm: [slow(2050)],
        tts: ({ text }) => ({ duration: 500, firstByte: text.startsWith("One") ? 1000 : 100 }),
        options: { filler: true }
      })
      assert.deepStrictEqual(played(early), ["turn-1"])
      assert.deepInclude(early.of("SpeechFinished")[0], { outcome: "discarded", reason: "needless" })
      sound(early)
      const off = yield* Testing.scenario({ preset: "mechanics", user: [hello], llm: [slow(6000)] })
      assert.deepStrictEqual(played(off), ["turn-1"])
    }))

  it.effect("is not filled again within eight seconds", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        user: [hello, Testing.say(6200, 6900, "Hello?"), Testing.say(20_000, 21_000, "And?")],
        llm: () => slow(4000),
        tts: { duration: 400 },
        options: { filler: true, resilience: { attempt: "10 seconds" } }
      })
      const fillers = timeline.of("AgentStartedSpeaking").filter(({ speech }) => speech.startsWith("speech-"))
      assert.deepStrictEqual(fillers.map(({ at }) => at), [5200, 23_700])
    }))
})

describe("a text that is given as a stream", () => {
  it.effect.each([{ protected: true }, { protected: false }])(
    "and stalls: it ends after ten seconds, and turns are answered (%j)",
    (options) =>
      Effect.gen(function*() {
        const stalled = Stream.concat(Stream.make("This is how it begins. "), Stream.never)
        const timeline = yield* Testing.scenario({
          preset: "mechanics",
          at: [{ at: 500, do: (session) => session.say(stalled, options) }],
          user: [Testing.type(5000, "Hello?"), Testing.type(20_000, "Hello?")],
          tts: { duration: 1000 },
          options: { turn: { interruption: { enabled: options.protected } } },
          llm: () => "Yes."
        })
        const [first] = timeline.of("SpeechFinished")
        assert.deepInclude(first, { outcome: "failed", reason: "stalled" })
        // Nobody misses anything before it has been heard.
        assert.strictEqual(first!.at, 1700 + 10_000)
        assert.deepInclude(timeline.of("ProviderFailed")[0], { component: "text", reason: "SourceStalled" })
        assert.strictEqual(timeline.messages.filter((message) => message === "assistant: Yes.").length, 2)
      })
  )

  it.effect("and takes its time: it is heard to its end while something is heard", () =>
    Effect.gen(function*() {
      const slowly = Stream.fromIterable(["One two three. ", "Four five six. ", "Seven eight."]).pipe(
        Stream.mapEffect((text) => Effect.delay(Effect.succeed(text), 9000))
      )
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [{ at: 500, do: (session) => session.say(slowly) }],
        options: { minSentence: 1 },
        quiet: "30 seconds"
      })
      assert.deepStrictEqual(outcomes(timeline), ["say-1 completed"])
    }))

  it.effect("and never begins, by a source that cannot be stopped", () =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        preset: "mechanics",
        at: [{ at: 500, do: (session) => session.say(Stream.fromEffect(Effect.uninterruptible(Effect.never))) }],
        user: [Testing.type(15_000, "Hello?")],
        llm: ["Yes."],
        options: { textTimeout: "3 seconds" },
        until: 20_000
      })
      timeline.expect(["SpeechFinished", 3500, { outcome: "failed", reason: "stalled" }])
      assert.strictEqual(timeline.messages.at(-1), "assistant: Yes.")
    }))
})
