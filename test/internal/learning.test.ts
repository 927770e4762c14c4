import { assert, it } from "@effect/vitest"
import { adapted } from "effect-voice/internal/openai/learning"

const call = (more: object) => ({ id: "c", function: { name: "book", arguments: "{}" }, ...more })
const tool = (more: object, inner: object, parameters: object) => ({
  type: "function",
  ...more,
  function: { name: "book", ...inner, parameters }
})

/** A lesson, what is asked, and what is sent then: a field goes where the server means it, and nowhere else. */
const lessons: ReadonlyArray<readonly [lesson: string, asked: object, sent: object]> = [
  ["stream_options", { model: "m", stream_options: {} }, { model: "m" }],
  ["max_tokens", { max_tokens: 5 }, { max_completion_tokens: 5 }],
  [
    "strict",
    { tools: [tool({ strict: true }, { strict: true }, { properties: { strict: { strict: true } } })] },
    { tools: [tool({}, {}, { properties: { strict: { strict: true } } })] }
  ],
  [
    "additionalProperties",
    { tools: [tool({}, {}, { additionalProperties: false, properties: { a: { additionalProperties: false } } })] },
    { tools: [tool({}, {}, { properties: { a: {} } })] }
  ],
  ["strict", { messages: [] }, { messages: [] }],
  [
    "reasoning",
    { reasoning: 1, messages: [{ role: "assistant", reasoning: "r", tool_calls: [call({ reasoning: "r" })] }] },
    { reasoning: 1, messages: [{ role: "assistant", tool_calls: [call({})] }] }
  ],
  [
    "thinking",
    { messages: [{ role: "user", content: [{ type: "text", thinking: "kept" }] }] },
    { messages: [{ role: "user", content: [{ type: "text", thinking: "kept" }] }] }
  ],
  ["content", { messages: [{ role: "assistant", content: null }] }, { messages: [{ role: "assistant", content: "" }] }],
  [
    "signatures",
    { messages: [{ role: "assistant", tool_calls: [call({}), call({})] }] },
    {
      messages: [{
        role: "assistant",
        tool_calls: [
          call({ extra_content: { google: { thought_signature: "skip_thought_signature_validator" } } }),
          call({})
        ]
      }]
    }
  ]
]

it.each(lessons)("a request is sent as the server takes it: %s of %j", (lesson, asked, sent) => {
  const before = structuredClone(asked)
  assert.deepStrictEqual(adapted(asked, new Set([lesson])), sent)
  assert.deepStrictEqual(asked, before)
})
