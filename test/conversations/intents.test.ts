/**
 * Random callers who want something of tools that take their time: what is done is what was wanted, and nobody is left
 * without the result. The failure prints its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Schema } from "effect"
import { Agent, type Pipeline, type Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { type Prompt, Tool, Toolkit } from "effect/ai"

const runs = Effect.runSync(Config.Int("EFFECT_VOICE_RUNS").pipe(Config.withDefault(200)))

const parameters = Schema.Struct({ what: Schema.String })
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const wish = Schema.Struct({
  after: between(0, 12_000),
  kind: Schema.Literals(["order", "order", "order", "chat", "chat"]),
  what: Schema.Literals(["coffee", "tea", "cake"]),
  way: Schema.Literals(["spoken", "spoken", "typed"]),
  speaks: between(600, 2500)
})

const ready = /^(\w+ \d+) is ready$/

interface Seen {
  readonly wanted: ReadonlyMap<string, number>
  readonly begun: ReadonlyMap<string, number>
  readonly running: ReadonlySet<string>
  readonly refused: ReadonlySet<string>
  /** Results that the agent has not spoken of. */
  readonly news: ReadonlyArray<string>
}

const add = (to: Map<string, number>, key: string, count: number) => to.set(key, (to.get(key) ?? 0) + count)

/** What a model makes of a prompt. */
const see = (prompt: Prompt.Prompt): Seen => {
  const wanted = new Map<string, number>()
  const begun = new Map<string, number>()
  const calls = new Map<string, string>()
  const placeholders = new Map<string, string>()
  const refused = new Set<string>()
  const spoken: Array<string> = []
  const results = new Set<string>()
  for (const message of prompt.content) {
    if (message.role === "system") continue
    for (const part of message.content) {
      if (part.type === "text" && message.role === "user") {
        for (const [, what] of part.text.matchAll(/order (\w+)/g)) add(wanted, what!, 1)
      }
      if (part.type === "text" && message.role === "assistant") spoken.push(part.text)
      if (part.type === "tool-call" && !part.id.endsWith("_result")) {
        const { what } = part.params as { readonly what: string }
        calls.set(part.id, what)
        add(begun, what, 1)
      }
      if (part.type !== "tool-result") continue
      const text = String(part.result)
      const what = calls.get(part.id)
      if (text.includes("nothing was started") && what !== undefined) {
        add(begun, what, -1)
        refused.add(what)
      } else if (what !== undefined) refused.delete(what)
      if (text.startsWith("Still running") && what !== undefined) placeholders.set(part.id, what)
      if (part.id.endsWith("_result")) placeholders.delete(part.id.slice(0, -"_result".length))
      const done = ready.exec(text)
      if (done !== null) results.add(done[1]!)
    }
  }
  const said = spoken.join(" ")
  return {
    wanted,
    begun,
    refused,
    running: new Set(placeholders.values()),
    news: [...results].filter((result) => !said.includes(`${result} is ready`))
  }
}

describe("random callers with intents", () => {
  it.effect.prop("get what they want, once, and learn of it", {
    wishes: Schema.NonEmptyArray(wish),
    takes: Schema.NonEmptyArray(between(0, 120_000)),
    background: Schema.Boolean,
    /** A model that calls again for what it sees running. */
    eager: between(0, 3),
    total: between(0, 1500),
    preemption: Schema.Boolean,
    handoffAt: between(0, 60_000),
    ending: Schema.Literals(["none", "none", "hang_up", "leave"]),
    endingAt: between(5000, 120_000)
  }, ({ background, eager, ending, endingAt, handoffAt, preemption, takes, total, wishes }) =>
    Effect.gen(function*() {
      const done: Array<string> = []
      const orphans: Array<string> = []
      const Order = Tool.make("order", { parameters, success: Schema.String }).annotateMerge(
        background ? Tools.voice({ background: true }) : Tools.voice({})
      )
      const kit = Toolkit.make(Order)
      const options = {
        instructions: "",
        tools: kit,
        onOrphanedResult: ({ output }: Tools.Output) => Effect.sync(() => void orphans.push(String(output)))
      }
      const night = Agent.make({ ...options, name: "night" })
      let clock = 500
      const timed = wishes.map(({ after, kind, speaks, way, what }, i) => {
        const at = clock + after
        clock = way === "spoken" ? at + speaks : at
        return { at, to: at + speaks, way, text: kind === "order" ? `order ${what}` : `word ${i}` }
      })
      const steps: Array<Testing.Step<Tool.Handler<"order">>> = timed.flatMap(({ at, text, way }) =>
        way === "typed" ? [{ at, do: (session: Session.Session["Service"]) => session.send(text) }] : []
      )
      steps.push({ at: handoffAt, do: (session) => session.handoff(night as never) })
      if (ending === "hang_up") steps.push({ at: endingAt, do: (session) => session.hangUp({ say: "Goodbye!" }) })
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ ...options, name: "day" }),
        user: [
          ...timed.flatMap(({ at, text, to, way }) => way === "spoken" ? [Testing.say(at, to, text)] : []),
          ...(ending === "leave" ? [Testing.leave(endingAt)] : [])
        ],
        at: steps,
        llm: ({ index, prompt, toolChoice }) => {
          const { begun, news, refused, running, wanted } = see(prompt)
          const text = news.length === 0 ? "I am on it." : news.map((result) => `${result} is ready.`).join(" ")
          if (toolChoice === "none") return { text, total }
          const missing = [...wanted].flatMap(([what, count]) =>
            Array.from({ length: Math.max(0, count - (begun.get(what) ?? 0)) }, () => ({
              name: "order",
              params: refused.has(what) ? { what, confirm: true } : { what }
            }))
          )
          const again = eager > 0 && index % (eager + 1) === 0
            ? [...running].filter((what) => !missing.some(({ params }) => params.what === what))
            : []
          const tools = [...missing, ...again.map((what) => ({ name: "order", params: { what } }))]
          return tools.length === 0 ? { text, total } : { tools, total }
        },
        tts: { duration: 1500 },
        options: {
          maxToolSteps: 12,
          toolTimeout: "3 minutes",
          turn: { preemption: { llm: preemption } }
        } satisfies Pipeline.Options,
        quiet: "150 seconds",
        // Two tools of two minutes, one after the other, and that silence.
        patience: "15 minutes"
      }).pipe(Effect.provide(kit.toLayer({
        order: ({ what }) =>
          Effect.suspend(() => {
            done.push(what)
            return Effect.delay(Effect.succeed(`${what} ${done.length} is ready`), takes[done.length % takes.length]!)
          })
      })) as never) as Effect.Effect<Testing.Timeline>

      assert.deepStrictEqual(Testing.invariants(timeline), [])
      // What is done is what was wanted: all of it where nobody has hung up meanwhile.
      const wanted = timeline.history.items.flatMap((item) =>
        item._tag === "Message" && item.role === "user"
          ? [...item.text.matchAll(/order (\w+)/g)].map(([, what]) => what!)
          : []
      )
      if (ending === "none") assert.deepStrictEqual(done.toSorted(), wanted.toSorted())
      else for (const what of done) assert.isTrue(wanted.splice(wanted.indexOf(what), 1)[0] === what, what)
      // Every result is told, or given to somebody else.
      const said = timeline.of("AgentSpeechCommitted").map(({ text }) => text).join(" ")
      const superseded = new Set(
        timeline.of("ResultSettled").flatMap(({ fate, id }) => fate === "superseded" ? [id] : [])
      )
      const outputs = timeline.history.items.flatMap((item) =>
        item._tag === "ToolOutput" && ready.test(String(item.output)) ? [item] : []
      )
      for (const { callId, output } of outputs) {
        const told = said.includes(String(output)) || orphans.includes(String(output)) || superseded.has(callId)
        assert.isTrue(told, `${String(output)} was told to nobody`)
      }
      // No goodbye of the agent's while it knows of something that it has not told.
      const goodbye = timeline.of("AgentSpeechCommitted").find(({ text }) => text === "Goodbye!")
      const from = timeline.of("AgentStartedSpeaking").findLast(({ speech }) => speech === goodbye?.speech)?.at
      if (from === undefined) return
      for (const { at, calls } of timeline.of("FunctionCallsFinished")) {
        if (at < from - 3000) { for (const { result } of calls) assert.notInclude(orphans, String(result)) }
      }
    }), { arbitrary: { runs: Math.min(2000, Math.ceil(runs / 5)), size: 10 }, timeout: 600_000 })
})
