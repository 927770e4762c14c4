/** Every kind of event that the types of OpenAI's own package know, fed to the layer: none breaks it, none loses a word. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Llm } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { Prompt } from "effect/ai"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import * as openai from "./support/openai.ts"
import * as provider from "./support/provider.ts"

const resources = Path.join(Path.dirname(createRequire(import.meta.url).resolve("openai")), "resources")

const types = Fs.readFileSync(Path.join(resources, "responses/responses.d.ts"), "utf8")

/** The kinds of events, and the kinds of items that they tell of. */
const kinds = [...new Set([...types.matchAll(/^ {4}type: '(response\.[\w.]+)';/gm)].map(([, kind]) => kind!))]
const itemKinds = [...new Set([...types.matchAll(/^ {4}type: '(\w+)';/gm)].map(([, kind]) => kind!))]

const speaks = /output_text\.delta|refusal\.delta|^response\.(completed|incomplete|failed)$/

const ask = (events: ReadonlyArray<unknown>) =>
  Effect.gen(function*() {
    const { url } = yield* provider.http(openai.sse(events, false))
    const { llm } = yield* OpenAiLlm.make({ baseUrl: url, api: "responses" })
    return yield* Stream.runCollect(llm.reply({ prompt: Prompt.make("Hello?"), tools: [] }))
  })

const text = (delta: string) => ({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta })
const completed = { type: "response.completed", response: { id: "resp", usage: { input_tokens: 1, output_tokens: 1 } } }

const spoken = (deltas: ReadonlyArray<Llm.Delta>) =>
  deltas.map((delta) => delta._tag === "Text" ? delta.text : `[${delta._tag}]`).join("")

describe("the events of Responses, as OpenAI's package has them", () => {
  it("are many", () => {
    assert.isAtLeast(kinds.length, 40)
    assert.include(kinds, "response.reasoning_text.delta")
  })

  it.live.each(kinds.filter((kind) => !speaks.test(kind)))(
    "%s says nothing, and loses nothing",
    (type) =>
      Effect.gen(function*() {
        const more = { type, sequence_number: 3, item_id: "item", output_index: 1, content_index: 0, delta: "unsaid" }
        const bare = {
          type,
          sequence_number: 4,
          delta: null,
          item: null,
          response: null,
          part: { type: "output_text" }
        }
        assert.strictEqual(spoken(yield* ask([text("Hel"), more, bare, text("lo"), completed])), "Hello[Finish]")
      })
  )

  it.live("and every kind of item that is no call of ours", () =>
    Effect.gen(function*() {
      const items = itemKinds.filter((type) => type !== "function_call").map((type, at) => ({
        type: "response.output_item.done",
        output_index: at + 1,
        item: { type, id: `i${at}`, status: "completed", name: "x", arguments: "{}", call_id: "c" }
      }))
      const deltas = yield* ask([text("Hel"), ...items, text("lo"), completed])
      const provided = deltas.filter(({ _tag }) => _tag === "ProviderCall" || _tag === "ProviderResult")
      assert.strictEqual(spoken(deltas.filter((delta) => !provided.includes(delta))), "Hello[Finish]")
      // What OpenAI runs itself; other calls wait for a program that knows them.
      assert.deepStrictEqual(
        itemKinds.filter((type) => /^(web_search|file_search|code_interpreter|image_generation|mcp)_call$/.test(type))
          .length * 2,
        provided.length
      )
      assert.isAtLeast(provided.length, 6)
    }))
})
