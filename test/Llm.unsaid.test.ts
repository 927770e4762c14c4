/** What a model writes and does not mean to be heard. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Llm } from "effect-voice"
import { Prompt } from "effect/ai"
import { Unsaid } from "../src/internal/llm/unsaid.ts"

const call: Llm.Delta = { _tag: "ToolCall", id: "1", name: "look_up", params: {} }
const finish: Llm.Delta = { _tag: "Finish" }

const replied = (deltas: ReadonlyArray<string | Llm.Delta>) =>
  Stream.runCollect(
    Llm.make({
      name: "thinker",
      reply: () =>
        Stream.fromIterable(deltas.map((one): Llm.Delta => typeof one === "string" ? { _tag: "Text", text: one } : one))
    }).reply({ prompt: Prompt.make("Hello?"), tools: [] })
  )

const spoken = (deltas: ReadonlyArray<string | Llm.Delta>) =>
  Effect.map(
    replied(deltas),
    (deltas) => deltas.map((delta) => delta._tag === "Text" ? delta.text : `[${delta._tag}]`).join("")
  )

const texts: ReadonlyArray<readonly [written: string, said: string]> = [
  ["<think>Let me see.</think>\n\nHello", "Hello"],
  ["<think>\n\n</think>\n\nHello", "Hello"],
  ["<thinking>\nThe <b>user</b> is 2 < 3.\n</thinking>\nHello", "Hello"],
  ["<THINK>a</Think> Hello", "Hello"],
  ["<think>a</think><think>b</think>\n<thinking>c</thinking>Hello", "Hello"],
  ["\n <think>a</think>Hello", "\n Hello"],
  ["One moment.\n<think>a</think>\n\nHello.\n  <think>b</think> Bye.", "One moment.\nHello.\n  Bye."],
  ["<think>It never ends.\n\nHello", ""],
  ["Hello.\n<think>It never ends.", "Hello.\n"],
  ["Hello.\n</think>\n\nGoodbye.", "Goodbye."],
  ["<tool_call>\n{\"name\": \"look_up\", \"arguments\": {\"a\": \"<b>\"}}\n</tool_call>", ""],
  ["I look. <tool_call>{\"name\": \"look_up\"}</tool_call> So.", "I look. So."],
  ["I look.\n<tool_call>\n<function=look_up>\n</function>\n</tool_call>", "I look.\n"],
  ["<function_call>{\"name\": \"look_up\"", ""],
  ["<think>a</think><tool_call>{}</tool_call>Hello", "Hello"],
  ["<think type=\"deep\">Let me see.</think>Hello", "Hello"],
  ["<think\n>a</think>Hello", "Hello"],
  ["<think>a<think>b</think>c</think>Hello", "Hello"],
  ["<think>\n<think>\na\n</think>\n</think>\n\nHello", "Hello"],
  ["<think>They speak of <think> tags.</think>Hello", "Hello"],
  ["<think>İstanbul İ</think>Hello", "Hello"],
  ["[THINK]Hm.[/THINK]Hello", "Hello"],
  ["[TOOL_CALLS][{\"name\": \"look_up\", \"arguments\": {}}]", ""],
  ["Wait. [TOOL_CALLS] [{\"name\": \"look_up\"}]", "Wait. "],
  ["[TOOL_CALLS]look_up[ARGS]{\"a\": 1}", ""],
  ["<function=look_up>{\"a\": 1}</function>", ""],
  ["I look. <function=look_up>{\"a\": 1}</function> So.", "I look. So."],
  ["I look.\n<function=look_up>\n<parameter=a>\n1\n</parameter>\n</function>", "I look.\n"],
  ["<invoke name=\"look_up\"><parameter name=\"a\">1</parameter></invoke>Hello", "Hello"],
  ["<|python_tag|>{\"name\": \"look_up\"}", ""],
  ["<|tool_call_begin|>functions.look_up:0<|tool_call_end|>Hello", "Hello"],
  ["<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello", "Hello"],
  ["◁think▷a◁/think▷Hello", "Hello"],
  ["<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>Hello<|end_of_solution|>", "Hello"],
  ["<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Hello<|END_RESPONSE|>", "Hello"],
  ["<|START_ACTION|>[{\"tool_name\": \"look_up\"}]<|END_ACTION|>", ""],
  ["I look. <|tool_call_start|>[look_up(a=\"1\")]<|tool_call_end|>", "I look. "],
  ["<|tool_call>call:look_up{a:<|\"|>1<|\"|>}<tool_call|>Hello", "Hello"],
  ["So: <start_function_call>call:look_up{a:1}<end_function_call>", "So: "],
  [
    "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"look_up\">\n</｜DSML｜invoke>\n</｜DSML｜function_calls>Hello",
    "Hello"
  ],
  ["<TOOLCALL>[{\"name\": \"look_up\"}]</TOOLCALL>", ""],
  ["<|channel|>commentary to=functions.look_up <|constrain|>json<|message|>{\"a\":1}<|call|>", ""],
  [
    "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>final<|message|>So.<|return|>",
    "I look. So."
  ],
  ["<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi", "Hi"],
  ["<|im_start|>assistant\nHello.<|im_end|>", "\nHello."],
  ["<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>", "\n\nHello."],
  ["<start_of_turn>model\nHello.<end_of_turn>\n", "\nHello.\n"],
  ["Hello.<｜end▁of▁sentence｜>", "Hello."],
  ["Hello.<|endoftext|><|end|>", "Hello."],
  ["```tool_code\nprint(default_api.look_up(a=1))\n```\nIt is sunny.", "It is sunny."],
  ["```tool_call\n{\"name\": \"look_up\"}\n```", ""],
  ["<tool_code>look_up(a=1)</tool_code>Hello", "Hello"],
  ["<|tool_calls|>[{\"name\":\"look_up\"}]", ""],
  ["<xai:function_call name=\"look_up\"><parameter name=\"a\">1</parameter></xai:function_call>Hello", "Hello"],
  ["<longcat_tool_call>look_up</longcat_tool_call>Hello", "Hello"],
  ["<tool_response>sun</tool_response>\nHello", "Hello"],
  ["<scratchpad>Hm</scratchpad>Hello", "Hello"],
  ["<reflection>Hm</reflection>\n\nHello", "Hello"],
  ["<analysis>Hm</analysis>Hello", "Hello"],
  ["<|thinking|>Hm<|/thinking|>Hello", "Hello"],
  ["<|channel|>final <|constrain|>json<|message|>Hello", "Hello"],
  ["Say `tool_code`, ```js\na\n``` or ```tool_codes```.", "="],
  ["a <| b |> c, <|>, <||>, ◁ back ▷, <end_of_time>, <start_of_turn", "="],
  ["Take [1] and [2], [TO or <function= of x, <think of it.", "="],
  ["[TOOL_CALLS", "="],
  ["2 < 3, and <3, a<b, <br>, <thin, <i>so</i> <", "2 < 3, and <3, a<b, <br>, <thin, <i>so</i> <"],
  ["Put it between <think> and </think>, not in <tool_call> or </tool_call>.", "="],
  ["<thi", "="],
  ["<tool_cal", "="],
  ["< think>", "="],
  ["<thinker>Hello</thinker>", "="],
  ["", ""]
]

describe("what a model thinks and calls in its text", () => {
  it.effect.each(texts)("is not heard, everything else is: %j", ([written, said]) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* spoken([written]), said === "=" ? written : said)
    }))

  it.effect("is not heard however the text is cut", () =>
    Effect.gen(function*() {
      // A tag without its beginning is told from text only where both come at once.
      for (const [written, said] of texts.filter(([written]) => !written.includes(".\n</think>"))) {
        const whole = said === "=" ? written : said
        assert.strictEqual(yield* spoken([...written]), whole, written)
        for (let at = 1; at < written.length; at++) {
          assert.strictEqual(yield* spoken([written.slice(0, at), written.slice(at)]), whole, `${at}: ${written}`)
        }
      }
    }))

  it.effect("is not heard as the bare call of a tool that there is, as JSON or as code, however it is cut", () =>
    Effect.gen(function*() {
      const call = "\n[{ \"name\": \"look_up\", \"parameters\": {\"a\": \"b\"} }] Done."
      const cases: ReadonlyArray<readonly [written: string, said: string]> = [
        [call, ""],
        ["{\"function\":\"look_up\",\"arguments\":{}}", ""],
        ["```json\n{\"tool\": \"look_up\"}\n```", ""],
        ["{\"type\": \"function\", \"name\": \"look_up\", \"parameters\": {}}", ""],
        ["{\"tool_calls\": [{\"name\": \"look_up\"}]}", ""],
        ["{\"action\": \"look_up\", \"action_input\": {}}", ""],
        ["[look_up(a='1'), look_up(a='2')]", ""],
        ["look_up(a=\"1\")", ""],
        ["look_up\n{\"a\": 1}", ""],
        ["print(default_api.look_up(a=1))", ""],
        ["tool_code\nprint(default_api.look_up(a=1))", ""],
        ["functions.look_up({\"a\": 1})", ""],
        ["commentary to=functions.look_up json{\"a\": 1}", ""],
        ["assistant to=functions.look_up <|constrain|>json{\"a\": 1}", ""],
        ["Action: look_up\nAction Input: {}", ""],
        ["look_up is what I call it.", "="],
        ["look_up (or not)", "="],
        ["look_up", "="],
        ["[look_up] is one of them.", "="],
        ["Action: none.", "="],
        ["functions.other()", "="],
        ["[1] and look_up(a)", "="],
        ["{\"name\": \"Bob\", \"age\": 7}", "="],
        ["{\"rooms\": 7}", "="],
        ["``` {\"na", "="],
        ["Hello. {\"name\": \"look_up\"}", "="],
        ["", "="]
      ]
      for (const [written, said] of cases) {
        for (let size = 1; size < 8; size++) {
          const unsaid = new Unsaid(new Set(["look_up"]))
          const pieces = Array.from(
            { length: Math.ceil(written.length / size) },
            (_, i) => written.slice(i * size, (i + 1) * size)
          )
          const heard = [...pieces.flatMap((text) => unsaid.push({ _tag: "Text", text })), ...unsaid.end()]
          const text = heard.map((delta) => delta._tag === "Text" ? delta.text : "").join("")
          assert.strictEqual(text, said === "=" ? written : said, `${written} by ${size}`)
        }
      }
      assert.strictEqual(yield* spoken([call]), call)
    }))

  it.effect("holds nothing back but what may become a tag", () =>
    Effect.gen(function*() {
      const heard = (deltas: ReadonlyArray<string>) =>
        Effect.map(replied([...deltas, finish]), (deltas) =>
          deltas.map((delta) => delta._tag === "Text" ? delta.text : delta._tag))
      assert.deepStrictEqual(yield* heard(["It is ", "2 < ", "3", "."]), ["It is ", "2 < ", "3", ".", "Finish"])
      assert.deepStrictEqual(yield* heard(["Yes.\n<th", "ree>", " more"]), ["Yes.\n", "<three>", " more", "Finish"])
      assert.deepStrictEqual(yield* heard(["a <", "th"]), ["a ", "<th", "Finish"])
      assert.deepStrictEqual(yield* heard(["a\n<th"]), ["a\n", "<th", "Finish"])
    }))

  it.effect("leaves calls where they were, and gives what was held before them", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* spoken(["<think>a</think>Wait <", call, finish]), "Wait <[ToolCall][Finish]")
      assert.strictEqual(yield* spoken(["<think>a", call, finish]), "[ToolCall][Finish]")
    }))

  it.effect("tells nothing of one reply in the next", () =>
    Effect.gen(function*() {
      const llm = Llm.make({
        name: "thinker",
        reply: () => Stream.make({ _tag: "Text", text: "<think>" }, { _tag: "Text", text: "a</think>Hello" })
      })
      const ask = Llm.generateText(llm, "Hello?")
      assert.deepStrictEqual(yield* Effect.all([ask, ask], { concurrency: 2 }), ["Hello", "Hello"])
    }))
})
