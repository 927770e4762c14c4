/** Every fault at every stage of a conversation, alone and together: no invariant breaks, and nothing is left. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Agent, Failure, Llm, Stt, Tts } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { thorough } from "../support/thorough.ts"

const reasons = {
  disconnected: new Failure.Disconnected({ code: "ECONNRESET" }),
  unauthorized: new Failure.Rejected({ status: 401 }),
  limited: new Failure.Rejected({ status: 429, retryAfterMs: 1500 }),
  limitedForLong: new Failure.Rejected({ status: 429, retryAfterMs: 120_000 }),
  down: new Failure.Rejected({ status: 503 }),
  malformed: new Failure.InvalidResponse({ detail: "not JSON" }),
  invalid: new Failure.InvalidRequest({ detail: "no such voice" }),
  broken: new Failure.Broken({})
} satisfies Record<string, Failure.Reason>

/** Faults of a stream that begins, goes on and ends. */
const stages: Readonly<
  Record<string, { readonly fail?: Failure.Reason; readonly hang?: true; readonly after?: number }>
> = {
  none: {},
  ...Object.fromEntries(
    Object.entries(reasons).flatMap(([name, fail]) => [
      [`${name} before the first output`, { fail }],
      [`${name} in mid-stream`, { fail, after: 1 }]
    ])
  ),
  "silent from the beginning": { hang: true },
  "silent in mid-stream": { hang: true, after: 1 }
}

const connections: Readonly<Record<string, Testing.SttConnection>> = {
  none: {},
  ...Object.fromEntries(
    Object.entries(reasons).flatMap(([name, fail]) => [
      [`${name} at once`, { fail }],
      [`${name} after a transcript`, { fail, after: 1 }],
      [`${name} in mid-speech`, { fail, afterTime: 2500 }]
    ])
  ),
  "ends at once": { end: true },
  "ends in mid-speech": { end: true, afterTime: 2500 },
  "silent for a minute": { hang: true },
  slow: { finalDelay: 9000 }
}

const Look = Tool.make("look", { parameters: Schema.Struct({}), success: Schema.String })
const tools = Toolkit.make(Look)
const handlers = tools.toLayer({ look: () => Effect.as(Effect.sleep(500), "sunny") })

interface Faults {
  readonly llm: (typeof stages)[string]
  readonly tts: (typeof stages)[string]
  readonly stt: Testing.SttConnection
  /** How often in a row. */
  readonly times: number
  readonly layer?: Layer.Layer<never, unknown, Testing.Services> | undefined
}

/** The user asks, is answered with the help of a tool, cuts in, and asks again; the program speaks, too. */
const hold = ({ layer, llm, stt, times, tts }: Faults) =>
  Testing.scenario({
    agent: Agent.make({ instructions: "", tools }),
    user: [
      Testing.say(1000, 3000, "What is the weather like?"),
      Testing.say(6000, 7000, "Wait, in Paris?"),
      Testing.say(30_000, 31_000, "Thank you.")
    ],
    at: [{ at: 500, do: (session) => Effect.ignore(session.say("Welcome to the weather. Ask me anything.")) }],
    llm: ({ index, step, text }) => ({
      ...(step === 0 && text.includes("weather") ? { text: "One moment.", tools: [{ name: "look" }] } : {
        text: "It is sunny there today. And tomorrow as well."
      }),
      ...(index < times ? llm : {})
    }),
    tts: ({ index }) => ({ msPerCharacter: 40, ...(index < times ? tts : {}) }),
    stt: { faults: Array.from({ length: times }, () => stt) },
    options: { resilience: { firstOutput: "5 seconds", nextOutput: "5 seconds" }, turn: { preemption: { llm: true } } },
    layer,
    quiet: "30 seconds"
  }).pipe(
    Effect.provide(handlers),
    Effect.map((timeline) => ({ timeline, violations: Testing.invariants(timeline) }))
  )

const sound = (name: string, faults: Faults) =>
  Effect.map(hold(faults), ({ timeline, violations }) => {
    assert.deepStrictEqual(violations, [], name)
    for (const { reason } of timeline.of("ProviderFailed")) assert.notStrictEqual(reason, "HookFailed", name)
    const cleared = timeline.of("Escalated").length
    assert.strictEqual(timeline.of("SessionClosed")[0]!.reason === "provider_failures", cleared === 1, name)
    return timeline
  })

describe("faults at every stage", () => {
  it.effect.each([1, 2, 20])("%d in a row of each kind, one component at a time", (times) =>
    Effect.gen(function*() {
      for (const [name, fault] of Object.entries(stages)) {
        yield* sound(`llm: ${name}`, { llm: fault, tts: {}, stt: {}, times })
        yield* sound(`tts: ${name}`, { llm: {}, tts: fault, stt: {}, times })
      }
      for (const [name, stt] of Object.entries(connections)) {
        yield* sound(`stt: ${name}`, { llm: {}, tts: {}, stt, times })
      }
    }))

  it.effect(
    "all at once: each pair of faults of model and synthesiser, with a recogniser that fails beside them",
    () =>
      Effect.gen(function*() {
        const ears = Object.entries(connections)
        let i = 0
        for (const [thinks, llm] of Object.entries(stages)) {
          for (const [speaks, tts] of Object.entries(stages)) {
            const [hears, stt] = ears[i++ % ears.length]!
            // Each fault beside a sixth of the others; in CI beside all.
            if (!thorough && i % 6 > 0) continue
            yield* sound(`llm: ${thinks}, tts: ${speaks}, stt: ${hears}`, { llm, tts, stt, times: 3 })
          }
        }
      })
  )

  it.effect(
    "with another provider behind each, the caller is answered whatever the first one does",
    () =>
      Effect.gen(function*() {
        const second = Effect.gen(function*() {
          const one = { llm: yield* Llm.Llm, tts: yield* Tts.Tts, stt: yield* Stt.Stt }
          const { llm } = yield* Testing.llm(() => "The second says: it is sunny.", { name: "second-llm" })
          const { tts } = yield* Testing.tts({ msPerCharacter: 40 }, { name: "second-tts", sampleRate: 16_000 })
          const { stt } = yield* Testing.stt({ name: "second-stt" })
          const policy = { retries: 1, firstOutput: "5 seconds", nextOutput: "5 seconds" } as const
          return Layer.mergeAll(
            Layer.effect(Llm.Llm, Llm.fallback([one.llm, llm], { policy, breaker: {} })),
            Layer.effect(Tts.Tts, Tts.fallback([one.tts, tts], { policy, breaker: {} })),
            Layer.effect(Stt.Stt, Stt.fallback([one.stt, stt], { policy, breaker: {} }))
          )
        })
        const mouths = Object.entries(stages)
        for (const [i, [hears, stt]] of Object.entries(connections).entries()) {
          const [name, fault] = mouths[i % mouths.length]!
          const faults = { llm: fault, tts: fault, stt, times: 20, layer: Layer.unwrap(second) }
          const { timeline, violations } = yield* hold(faults)
          // What was said is compared with what the first was asked to say: here it is the second that speaks.
          assert.deepStrictEqual(violations.filter(({ invariant }) => invariant !== "I2"), [], `${name}, ${hears}`)
          assert.deepStrictEqual(timeline.of("Escalated"), [], `${name}, ${hears}`)
          assert.isTrue(timeline.messages.some((line) => line.startsWith("assistant: ")), `${name}, ${hears}`)
        }
      })
  )
})
