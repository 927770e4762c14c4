/** Agents that speak a language of their own, and what changes with them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, Stt, Task } from "effect-voice"
import * as Testing from "effect-voice/testing"

const half = "\\(\\frac{1}{2} + x^2\\)"
const named = (name: string, options: Partial<Agent.Options> = {}): Agent.Agent =>
  Agent.make({ name, instructions: "", ...options }) as Agent.Agent
const english = named("en")
const german = named("de", { language: "de-DE", onEnter: async (session) => session.say(half) })
const hello = Testing.say(500, 1500, "Hello, in German, please.", { language: "en" })

const spoken = ({ speeches }: Testing.Timeline): ReadonlyArray<string> => speeches.map(({ pieces }) => pieces.join(""))

describe("an agent's language", () => {
  it.effect.each<readonly [string, Partial<Testing.Scenario>, ReadonlyArray<string>]>([
    ["from the beginning", { agent: german, user: [] }, ["1 durch 2 plus x zum Quadrat"]],
    ["though the caller was heard in another", { at: [{ at: 4000, do: (session) => session.handoff(german) }] }, [
      "1 over 2 plus x squared",
      "1 durch 2 plus x zum Quadrat"
    ]],
    ["and not that of the next one", {
      agent: german,
      at: [{
        at: 4000,
        do: (session) => session.handoff(named("fr", { language: "fr", onEnter: async (s) => s.say(half) }))
      }]
    }, ["1 durch 2 plus x zum Quadrat", "1 durch 2 plus x zum Quadrat", "1 sur 2 plus x au carré"]],
    ["for as long as a task takes", {
      user: [hello, Testing.say(9000, 9800, "Fertig.")],
      at: [
        { at: 4000, do: (session) => session.perform(Task.make(german, { result: Schema.Struct({}) })) },
        { at: 14_000, do: (session) => session.say(half) }
      ]
    }, ["1 over 2 plus x squared", "1 durch 2 plus x zum Quadrat", "1 over 2 plus x squared"]]
  ])("is what its formulas are read in: %s", ([, script, expected]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: english,
        user: [hello],
        llm: [half],
        llmOptions: { otherwise: { tools: [{ name: "complete_task" }] } },
        ...script
      })
      assert.deepStrictEqual(spoken(timeline), [...expected])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect.each<readonly [string, Agent.Agent, ReadonlyArray<string>]>([
    ["a German one", named("de", { language: "de" }), ["Genau."]],
    ["an English one", named("en", { language: "en" }), []],
    ["a German one whose callers speak English", named("de", { language: "de", turn: { language: "en" } }), []]
  ])("is that of words beside it whose transcript has none: %s", ([, agent, expected]) =>
    Effect.gen(function*() {
      const timeline = yield* Testing.scenario({
        agent: named("first"),
        user: [Testing.say(500, 1500, "Tell me."), Testing.say(8000, 8400, "Genau.")],
        at: [{ at: 3000, do: (session) => session.handoff(agent) }],
        llm: ["Ten words that take a very long time to be said.", "Well."],
        tts: { duration: 10_000 }
      })
      assert.deepStrictEqual(timeline.of("UserSpeechSetAside").map(({ text }) => text), [...expected])
      assert.deepStrictEqual(Testing.invariants(timeline), [])
    }))

  it.effect.each<readonly [string, Stt.Stt["Service"]["language"], boolean, ReadonlyArray<string>]>([
    ["sets a recogniser that is set to another", "en", true, ["own", "de", "own"]],
    ["leaves one alone that hears several languages", undefined, true, ["own"]],
    ["leaves one alone that has it", "de-AT", true, ["own"]],
    ["leaves one alone that cannot be set", "en", false, ["own"]]
  ])("%s", ([, language, changes, expected]) =>
    Effect.gen(function*() {
      const opened: Array<string> = []
      const recogniser = (name: string): Stt.Stt["Service"] =>
        Stt.make({
          name,
          resilient: true,
          language,
          ...(changes ? { withLanguage: recogniser } : {}),
          transcribe: (audio) =>
            Stream.suspend(() => {
              opened.push(name)
              return Stream.drain(audio)
            })
        })
      yield* Testing.scenario({
        agent: english,
        user: [],
        layer: Layer.succeed(Stt.Stt, recogniser("own")),
        at: [
          { at: 1000, do: (session) => session.handoff(named("de", { language: "de" })) },
          { at: 2000, do: (session) => session.handoff(named("another", { language: "de" })) },
          { at: 3000, do: (session) => session.handoff(english) }
        ],
        until: 5000
      })
      assert.deepStrictEqual(opened, [...expected])
    }))
})
