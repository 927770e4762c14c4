/** Names that every object inherits, wherever a name comes from outside: they are names like others. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Metric, Schema, Stream } from "effect"
import { Agent, Cost, Stt, Text } from "effect-voice"
import { makeMessages } from "effect-voice/internal/livekit/messages"
import type { RtcRoom } from "effect-voice/internal/livekit/rtc"
import * as metadata from "effect-voice/internal/llm/metadata"
import { merge } from "effect-voice/internal/worker/measured"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"
import { turnInfo, wellBehaved } from "../support/deepgramFlux.ts"
import * as provider from "../support/provider.ts"
import { key, said } from "../support/transcribing.ts"

const names = Object.getOwnPropertyNames(Object.prototype)

describe.each(names)("the name %s", (name) => {
  it.effect("is a topic whose messages have the limit of all others", () =>
    Effect.gen(function*() {
      const handlers = new Map<string, (reader: unknown, sender: { readonly identity: string }) => void>()
      const register = (topic: string, handler: (reader: unknown, sender: { readonly identity: string }) => void) =>
        void handlers.set(topic, handler)
      const refused: Array<string> = []
      const messages = makeMessages({
        texts: [],
        bytes: [name],
        room: () => undefined,
        longest: 1000,
        now: () => 0,
        run: () => ({ interruptUnsafe: () => {} }),
        onRefused: (identity, topic) => void refused.push(`${identity} ${topic}`),
        onLagged: () => {}
      })
      messages.register(
        { registerTextStreamHandler: register, registerByteStreamHandler: register } as unknown as RtcRoom
      )
      const send = (identity: string, bytes: number) =>
        handlers.get(name)!({
          info: { mimeType: "", name: "" },
          async *[Symbol.asyncIterator]() {
            yield new Uint8Array(bytes)
          }
        }, { identity })
      send("eve", 1001)
      send("ann", 1000)
      const [taken] = yield* Stream.runCollect(Stream.take(messages.bytes(name), 1))
      assert.deepStrictEqual([taken?.identity, refused], ["ann", [`eve ${name}`]])
    }))

  it("is a language that nobody has phrases for, also beside the program's", () => {
    const phrases = { nl: { agreement: ["ja"] } }
    // What begins with a line names no language.
    for (const language of name.startsWith("_") ? [] : [name, name.toUpperCase(), `${name}-DE`]) {
      assert.strictEqual(Text.phraseKind("yes", { language, phrases }), Text.phraseKind("yes", { language: "xx" }))
    }
  })

  it("is a gauge whose values of two processes add up", () => {
    const gauge = (value: number) =>
      ({ id: name, type: "Gauge", description: undefined, attributes: undefined, state: { value } }) as
        & Parameters<typeof merge>[0]
        & Metric.Metric.Snapshot
    assert.deepInclude(merge(gauge(1), gauge(2)), { state: { value: 3 } })
  })

  it("is a provider and a model of a bill", () => {
    const usage = {
      component: "llm",
      provider: name,
      inputTokens: 1,
      outputTokens: 0,
      characters: 0,
      audioMs: 0,
      estimated: false
    } as const
    const { by } = Cost.add(Cost.add(Cost.nothing, usage), usage)
    assert.strictEqual(Object.entries(by).find(([key]) => key === name)?.[1].inputTokens, 2)
  })

  it("is a field that a model's provider attaches, which goes on and goes back", () => {
    const told = (text: string) => metadata.fieldsOf(JSON.parse(`{"${name}":{"text":"${text}"}}`))
    const joined = metadata.join(told("a"), told("b"))
    assert.strictEqual(JSON.stringify(joined), `{"${name}":{"text":"ab"}}`)
    assert.isUndefined(metadata.of(name, {}))
  })

  it.effect("is a tool that a model invents, and one that there is; a parameter, and an attribute of the caller", () =>
    Effect.gen(function*() {
      const taken: Array<unknown> = []
      const known = Tool.make("known", { parameters: Schema.Struct({ a: Schema.Finite }), success: Schema.String })
      const Kit = Toolkit.make(known)
      const timeline = yield* Testing.scenario({
        agent: Agent.make({ instructions: "", tools: Kit }),
        user: [Testing.say(1000, 2000, "Do it.")],
        llm: ({ step }) =>
          step === 0
            ? { tools: [{ name }, { name: "known", params: JSON.parse(`{"a":1,"${name}":{"a":2}}`) }] }
            : "Done.",
        room: { joins: false },
        at: [{
          at: 0,
          do: (_, caller) => caller.joins
        }]
      }).pipe(Effect.provide(Kit.toLayer({
        known: (params) =>
          Effect.sync(() => {
            taken.push(params)
            return "done"
          })
      })))
      assert.deepStrictEqual(taken, [{ a: 1 }])
      const [invented, there] = timeline.of("FunctionCallsFinished")[0]!.calls
      assert.deepStrictEqual([invented?.isFailure, there?.isFailure], [true, false])
      assert.deepStrictEqual(timeline.of("ProviderFailed"), [])
      assert.deepStrictEqual(Object.keys(Object.prototype), [])
    }))
})

describe("an event of a recogniser by such a name", () => {
  it.live("is one that nobody knows", () =>
    Effect.gen(function*() {
      const { onMessage } = wellBehaved()
      let told = false
      const { url } = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (!told) { for (const name of names) peer.send(turnInfo(name, "Good", 0, 0.1)) }
          told = true
          return onMessage?.(message, peer)
        }
      })
      const heard = yield* Stream.runCollect(Stt.transcribe(said)).pipe(
        Effect.provide(DeepgramFluxStt.layer({ apiKey: key, baseUrl: url }))
      )
      assert.isAtLeast(heard.length, names.length)
      assert.isTrue(heard.every(({ turn }) => turn === undefined || typeof turn === "string"))
    }).pipe(Effect.scoped))
})
