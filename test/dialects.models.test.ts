/** What models and their servers tell in the dialects of the real world, to each layer that asks one: shapes from their documents, packages and sources. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { called, calls, delta, done, fn, json, outcome, secret, sse, stop, text, usage } from "./support/dialects.ts"
import type * as provider from "./support/provider.ts"

/** What is told, and what comes of it; `!` is a failure, with its status or the tag of its reason. */
type Table = ReadonlyArray<readonly [how: string, told: ReadonlyArray<unknown> | provider.Handler, outcome: string]>

const err = (event: unknown) => [text("Hel"), event, done]
const a = `{"city":"Rome"}`
const look = calls(fn("w", a, { index: 0, id: "a" }))
const i = (index: number, id?: unknown) => ({ index, id })

const events: Table = [
  ["a byte order mark", ["\uFEFF", text("Hi"), stop], "Hi <stop>"],
  ["cr only", [`data: ${JSON.stringify(text("Hi"))}\r\rdata: ${JSON.stringify(stop)}\r\r`], "Hi <stop>"],
  ["crlf", [`data: ${JSON.stringify(text("Hi"))}\r\n\r\ndata: ${JSON.stringify(stop)}\r\n\r\n`], "Hi <stop>"],
  ["mixed endings", [`data: ${JSON.stringify(text("Hi"))}\n\r\ndata: ${JSON.stringify(stop)}\r\n\n`], "Hi <stop>"],
  ["multi-line data", [
    `data: {"choices":\ndata:  [{"delta": {"content": "Hi"},\ndata: "finish_reason": null}]}\n\n`,
    stop
  ], "Hi <stop>"],
  ["no space", [`data:${JSON.stringify(text("Hi"))}\n\n`, stop], "Hi <stop>"],
  ["id, retry", [`id: 7\nretry: 3000\ndata: ${JSON.stringify(text("Hi"))}\n\nretry: 10\n\n`, stop], "Hi <stop>"],
  ["comments", [": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n", text("Hi"), ":\n\n", stop], "Hi <stop>"],
  ["events with one newline between", [
    `data: ${JSON.stringify(text("H"))}\ndata: ${JSON.stringify(text("i"))}\ndata: ${
      JSON.stringify(stop)
    }\ndata: [DONE]\n`
  ], "Hi <stop>"],
  ["done twice", [text("Hi"), stop, done, done], "Hi <stop>"],
  ["content after done", [text("Hi"), done, text(" there")], "Hi <>"],
  ["DONE in its place", [text("Hi"), "data: DONE\n\n"], "Hi <>"],
  ["[done]", [text("Hi"), "data: [done]\n\n"], "Hi <>"],
  ["event done", [text("Hi"), "event: done\ndata: {}\n\n"], "Hi <>"],
  ["event end, empty", [text("Hi"), "event: stop\ndata:\n\n"], "! Disconnected"],
  ["event: close no data", [text("Hi"), stop, "event: close\n\n"], "Hi <stop>"],
  ["truncated json at the end", [text("Hi"), stop, `data: {"choices":[],"usa`], "Hi <stop>"],
  ["truncated json in the middle", [text("Hi"), `data: {"choices":[{"del`], "! Disconnected"],
  ["event: ping with string", ["event: ping\ndata: {\"type\": \"ping\"}\n\n", text("Hi"), stop], "Hi <stop>"],
  ["data ping object", ["data: {\"type\": \"ping\"}\n\n", text("Hi"), stop], "Hi <stop>"],
  ["data empty object", ["data: {}\n\n", text("Hi"), stop], "Hi <stop>"],
  ["data [] ", ["data: []\n\n", text("Hi"), stop], "Hi <stop>"],
  ["data plain keepalive", ["data: keep-alive\n\n", text("Hi"), stop], "Hi <stop>"],
  ["no content type", sse([text("Hi"), stop], ""), "Hi <stop>"],
  ["text/plain", sse([text("Hi"), stop], "text/plain; charset=utf-8"), "Hi <stop>"],
  ["bytes", sse([text("Hi"), stop], "application/octet-stream"), "Hi <stop>"],
  ["application/json sse", sse([text("Hi"), stop], "application/json"), "Hi <stop>"],
  ["stream+json", sse([text("Hi"), stop], "application/stream+json"), "Hi <stop>"],
  ["TEXT/EVENT-STREAM", sse([text("Hi"), stop], "Text/Event-Stream"), "Hi <stop>"],
  [
    "whole json instead",
    json({
      id: "x",
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 1 }
    }),
    "Hi <stop 3//1/>"
  ],
  ["json error 200", json({ error: { message: secret, code: 429 } }), "! 429"],
  ["json error list 200", json([{ error: { message: secret, code: 503, status: "UNAVAILABLE" } }]), "! 503"],
  ["json error string 200", json({ error: secret }), "! Broken"],
  ["html as sse", sse(["<!DOCTYPE html><html>Sign in</html>"]), "! InvalidResponse"]
]

const counts: Table = [
  ["usage strings", [text("Hi"), stop, usage({ prompt_tokens: "20", completion_tokens: "7" })], "Hi <stop 20//7/>"],
  ["usage floats", [text("Hi"), stop, usage({ prompt_tokens: 20.0, completion_tokens: 7.5 })], "Hi <stop 20//7.5/>"],
  ["usage in choice (Moonshot)", [
    text("Hi"),
    delta({}, "stop", { usage: { prompt_tokens: 20, completion_tokens: 7, cached_tokens: 5 } })
  ], "Hi <stop 20/5/7/>"],
  ["usage anthropic names", [
    text("Hi"),
    stop,
    usage({ input_tokens: 20, output_tokens: 7, cache_read_input_tokens: 4 })
  ], "Hi <stop 20//7/>"],
  ["usage xai (reasoning outside)", [
    text("Hi"),
    stop,
    usage({
      prompt_tokens: 20,
      completion_tokens: 7,
      total_tokens: 227,
      completion_tokens_details: { reasoning_tokens: 200 }
    })
  ], "Hi <stop 20//207/200>"],
  [
    "usage gemini thoughts",
    [text("Hi"), stop, usage({ prompt_tokens: 20, completion_tokens: 7, total_tokens: 77 })],
    "Hi <stop 20//57/>"
  ],
  ["usage moonshot cached_tokens", [
    text("Hi"),
    stop,
    usage({ prompt_tokens: 20, completion_tokens: 7, cached_tokens: 5 })
  ], "Hi <stop 20/5/7/>"],
  ["usage null in finish then later", [
    text("Hi"),
    { ...stop, usage: null },
    usage({ prompt_tokens: 20, completion_tokens: 7 })
  ], "Hi <stop 20//7/>"],
  ["usage on finish chunk then zero", [
    text("Hi"),
    { ...stop, usage: { prompt_tokens: 20, completion_tokens: 7 } },
    usage({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })
  ], "Hi <stop 20//7/>"],
  ["usage growing each", [
    { ...text("H"), usage: { prompt_tokens: 20, completion_tokens: 1 } },
    { ...text("i"), usage: { prompt_tokens: 20, completion_tokens: 2 } },
    { ...stop, usage: { prompt_tokens: 20, completion_tokens: 7 } },
    done
  ], "Hi <stop 20//7/>"],
  ["usage meta x_groq", [text("Hi"), {
    ...stop,
    x_groq: { id: "r", usage: { prompt_tokens: 20, completion_tokens: 7 } }
  }], "Hi <stop 20//7/>"]
]

const callsAndTexts: Table = [
  ["args null", [calls(fn("hang_up", null, i(0, "a"))), called], "[hang_up {}] <tool-calls>"],
  [
    "args null parallel",
    [calls(fn("hang_up", null, i(0, "a")), fn("wave", null, i(1, "b"))), called],
    "[hang_up {}][wave {}] <tool-calls>"
  ],
  ["args empty", [calls(fn("hang_up", "", i(0, "a"))), called], "[hang_up {}] <tool-calls>"],
  ["args quotes", [calls(fn("hang_up", `""`, i(0, "a"))), called], "[hang_up \"\"] <tool-calls>"],
  ["args 'null'", [calls(fn("hang_up", "null", i(0, "a"))), called], "[hang_up null] <tool-calls>"],
  ["args object", [calls(fn("w", { city: "Rome" }, i(0, "a"))), called], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "args object then empty string",
    [calls(fn("w", { city: "Rome" }, i(0, "a"))), calls(fn(null, "", i(0))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["args object repeated each chunk growing", [
    calls(fn("w", {}, i(0, "a"))),
    calls(fn("w", { city: "Rome" }, i(0, "a"))),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "args empty object then text",
    [calls(fn("w", {}, i(0, "a"))), calls(fn(null, a, i(0))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  [
    "args double encoded",
    [calls(fn("w", JSON.stringify(a), i(0, "a"))), called],
    "[w \"{\\\"city\\\":\\\"Rome\\\"}\"] <tool-calls>"
  ],
  ["args double encoded in pieces", [
    calls(fn("w", JSON.stringify(a).slice(0, 6), i(0, "a"))),
    calls(fn(null, JSON.stringify(a).slice(6), i(0))),
    called
  ], "[w \"{\\\"city\\\":\\\"Rome\\\"}\"] <tool-calls>"],
  ["args whole repeated at the end w/o id", [
    calls(fn("w", a.slice(0, 5), i(0, "a"))),
    calls(fn(null, a.slice(5), i(0))),
    calls(fn("w", a, i(0, "a"))),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["args cumulative", [
    calls(fn("w", a.slice(0, 5), i(0, "a"))),
    calls(fn("w", a.slice(0, 9), i(0, "a"))),
    calls(fn("w", a, i(0, "a"))),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["args cumulative, no name", [
    calls(fn("w", a.slice(0, 5), i(0, "a"))),
    calls(fn(null, a.slice(0, 9), i(0))),
    calls(fn(null, a, i(0))),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "args with newline after",
    [calls(fn("w", a + "\n", i(0, "a"))), calls(fn(null, "\n", i(0))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["args list", [calls(fn("w", "[]", i(0, "a"))), called], "[w []] <tool-calls>"],
  ["id number", [calls(fn("w", a, i(0, 7))), called], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "id late",
    [calls(fn("w", a.slice(0, 5), i(0))), calls(fn(null, a.slice(5), i(0, "late"))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["name late", [
    calls({ index: 0, id: "a", function: { arguments: a.slice(0, 5) } }),
    calls({ index: 0, function: { name: "w", arguments: a.slice(5) } }),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["name late after whole args", [
    calls({ index: 0, id: "a", function: { arguments: a } }),
    calls({ index: 0, function: { name: "w" } }),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "function null",
    [calls(fn("w", a, i(0, "a"))), calls({ index: 0, function: null }), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["null entry", [calls(null, fn("w", a, i(0, "a"))), called], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["calls as object", [delta({ tool_calls: fn("w", a, i(0, "a")) }), called], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["calls empty string", [delta({ content: "Hi", tool_calls: "" }), delta({}, "stop")], "Hi <stop>"],
  [
    "calls map",
    [delta({ tool_calls: { "0": fn("w", a, i(0, "a")) } }), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  [
    "name and arguments flat",
    [calls({ index: 0, id: "a", name: "w", arguments: a }), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["parameters instead of arguments", [
    calls({ index: 0, id: "a", function: { name: "w", parameters: { city: "Rome" } } }),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "index string negative",
    [calls(fn("w", a, { index: -1, id: "a" })), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["index starts at 1", [calls(fn("w", a, i(1, "a"))), called], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["index null", [
    calls(fn("w", a.slice(0, 5), { index: null, id: "a" })),
    calls(fn(null, a.slice(5), { index: null })),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "reverse order",
    [calls(fn("b", "{}", i(1, "b"))), calls(fn("a", "{}", i(0, "a"))), called],
    "[a {}][b {}] <tool-calls>"
  ],
  [
    "same id twice (two calls)",
    [calls(fn("w", a, i(0, "a"))), calls(fn("w", `{"city":"Oslo"}`, i(1, "a"))), called],
    "[w {\"city\":\"Rome\"}][w {\"city\":\"Oslo\"}] <tool-calls>"
  ],
  [
    "same id, same call, two indices (one call)",
    [calls(fn("w", a, i(0, "a"))), calls(fn("w", a, i(1, "a"))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  [
    "same id, same call, in one delta (one call)",
    [calls(fn("w", a, i(0, "a")), fn("w", a, i(1, "a"))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["same id, no index, two args", [
    calls(fn("w", a, { id: "a" })),
    calls(fn("w", `{"city":"Oslo"}`, { id: "a" })),
    called
  ], "[w {\"city\":\"Rome\"}][w {\"city\":\"Oslo\"}] <tool-calls>"],
  [
    "same call no id no index twice identical",
    [calls(fn("w", a)), calls(fn("w", a)), called],
    "[w {\"city\":\"Rome\"}][w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["mcp/other type", [
    calls({ index: 0, id: "a", type: "builtin_function", function: { name: "$web_search", arguments: a } }),
    called
  ], "[$web_search {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "delta null",
    [calls(fn("w", a, i(0, "a"))), { choices: [{ index: 0, delta: null, finish_reason: "tool_calls" }] }],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["delta list (PHP)", [calls(fn("w", a, i(0, "a"))), {
    choices: [{ index: 0, delta: [], finish_reason: "tool_calls" }]
  }], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "delta missing",
    [calls(fn("w", a, i(0, "a"))), { choices: [{ index: 0, finish_reason: "tool_calls" }] }],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  [
    "choices null entry",
    [{ choices: [null] }, calls(fn("w", a, i(0, "a"))), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["function_call with nulls", [
    delta({ content: "Hi", function_call: { name: null, arguments: null } }),
    delta({}, "stop")
  ], "Hi <stop>"],
  ["function_call empty", [delta({ content: "Hi", function_call: {} }), delta({}, "stop")], "Hi <stop>"],
  ["function_call false", [
    delta({ content: "Hi", function_call: false, tool_calls: false, refusal: false }),
    delta({}, "stop")
  ], "Hi <stop>"],
  ["function_call list", [delta({ content: "Hi", function_call: [] }), delta({}, "stop")], "Hi <stop>"],
  ["a refusal", [delta({ refusal: "I can" }), delta({ refusal: "not." }), delta({}, "stop")], "I cannot. <stop>"],
  ["refusal and content", [delta({ content: "Hi", refusal: "" }), delta({}, "stop")], "Hi <stop>"],
  ["refusal object", [delta({ content: "Hi", refusal: {} }), delta({}, "stop")], "Hi <stop>"],
  ["content number", [text("It is "), text(42), delta({}, "stop")], "It is 42 <stop>"],
  ["content bool", [text("Hi"), text(false), delta({}, "stop")], "Hi <stop>"],
  [
    "content part null text",
    [text([{ type: "text", text: null }, { type: "text", text: "Hi" }]), delta({}, "stop")],
    "Hi <stop>"
  ],
  ["content part value", [text([{ type: "text", text: { value: "Hi" } }]), delta({}, "stop")], "Hi <stop>"],
  ["content part null", [text([null, { type: "text", text: "Hi" }]), delta({}, "stop")], "Hi <stop>"],
  ["content part refusal", [text([{ type: "refusal", refusal: "No." }]), delta({}, "stop")], "No. <stop>"],
  ["content part text_delta", [text([{ type: "text_delta", text: "Hi" }]), delta({}, "stop")], "Hi <stop>"],
  ["choice text (completions)", [{ choices: [{ index: 0, text: "Hi", finish_reason: null }] }, {
    choices: [{ index: 0, text: "", finish_reason: "stop" }]
  }], "Hi <stop>"],
  ["surrogate halves", [text("a\ud83d"), text("\ude42b"), delta({}, "stop")], "a🙂b <stop>"],
  ["surrogate half raw", [
    `data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n`,
    `data: {"choices":[{"delta":{"content":"\\ude42b"}}]}\n\n`,
    delta({}, "stop")
  ], "a🙂b <stop>"],
  ["lone high at end", [text("a\ud83d"), delta({}, "stop")], "a\ud83d <stop>"],
  ["lone low", [text("\ude42a"), delta({}, "stop")], "\ude42a <stop>"],
  ["surrogate halves in args", [
    calls(fn("w", `{"city":"\ud83d`, i(0, "a"))),
    calls(fn(null, `\ude42"}`, i(0))),
    called
  ], "[w {\"city\":\"🙂\"}] <tool-calls>"],
  ["nul char", [text("a\u0000b"), delta({}, "stop")], "a\u0000b <stop>"],
  [
    "call cut by content_filter",
    [calls(fn("w", `{"city":"Ro`, i(0, "a"))), delta({}, "content_filter")],
    " <content-filter>"
  ],
  [
    "call cut by unknown",
    [calls(fn("w", `{"city":"Ro`, i(0, "a"))), delta({}, "model_context_window_exceeded")],
    " <length>"
  ],
  [
    "call cut by stop",
    [calls(fn("w", `{"city":"Ro`, i(0, "a"))), delta({}, "stop")],
    "[w \"{\\\"city\\\":\\\"Ro\"] <tool-calls>"
  ],
  ["message at end with calls", [text("Hi"), {
    choices: [{
      index: 0,
      message: { role: "assistant", content: "Hi", tool_calls: [fn("w", a, { id: "a" })] },
      finish_reason: "tool_calls"
    }]
  }], "Hi[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["delta and message both", [{
    choices: [{ index: 0, delta: { content: "Hi" }, message: { content: "Hi" }, finish_reason: null }]
  }, delta({}, "stop")], "Hi <stop>"],
  ["empty delta and message", [{
    choices: [{ index: 0, delta: {}, message: { content: "Hi" }, finish_reason: "stop" }]
  }], "Hi <stop>"],
  ["cumulative message", [{ choices: [{ index: 0, message: { content: "H" } }] }, {
    choices: [{ index: 0, message: { content: "Hi" } }]
  }, { choices: [{ index: 0, message: { content: "Hi!" }, finish_reason: "stop" }] }], "Hi! <stop>"],
  [
    "args with trailing [DONE]-like",
    [calls(fn("w", a, i(0, "a"))), calls(fn("", "", { index: 0, id: "" })), called],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["name only in first, repeated empties", [
    calls(fn("w", "", i(0, "a"))),
    calls(fn("", `{"city"`, { index: 0, id: "" })),
    calls(fn("", `:"Rome"}`, { index: 0, id: "" })),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["new id each fragment no index", [
    calls(fn("w", `{"city"`, { id: "a" })),
    calls(fn(null, `:"Rome"}`, { id: "b" })),
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["interleaved, ids each, no index", [
    calls(fn("a", `{"x"`, { id: "1" })),
    calls(fn("b", `{"y"`, { id: "2" })),
    calls(fn(null, ":1}", { id: "1" })),
    calls(fn(null, ":2}", { id: "2" })),
    called
  ], "[a {\"x\":1}][b {\"y\":2}] <tool-calls>"],
  ["two calls, index 0 each, ids none, names", [
    calls(fn("a", "{}", { index: 0 })),
    calls(fn("b", "{}", { index: 0 })),
    called
  ], "[a {}][b {}] <tool-calls>"],
  ["two calls same name, idx 0, ids differ, empty args", [
    calls(fn("a", "", i(0, "1"))),
    calls(fn("a", "", i(0, "2"))),
    called
  ], "[a {}][a {}] <tool-calls>"],
  ["two calls same name no ids, idx 0/1, args null", [
    calls(fn("a", null, { index: 0 })),
    calls(fn("a", null, { index: 1 })),
    called
  ], "[a {}][a {}] <tool-calls>"],
  ["args number", [calls(fn("a", 5, i(0, "1"))), called], "[a 5] <tool-calls>"],
  ["args array of pieces", [calls(fn("a", ["{", "}"], i(0, "1"))), called], "[a [\"{\",\"}\"]] <tool-calls>"],
  ["call behind finish", [text("Hi"), delta({}, "stop"), calls(fn("a", "{}", i(0, "1")))], "Hi[a {}] <tool-calls>"],
  ["text behind finish", [text("Hi"), delta({}, "stop"), text(" there")], "Hi there <stop>"]
]

const errors: Table = [
  ["Groq, of a call that it cannot read", [
    text("Hel"),
    `event: error\ndata: {"error":{"message":"${secret}","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"${secret}"}}\n\n`
  ], "! Broken"],
  ["Together", err({ error: { message: secret, type: "server_error", param: null, code: null } }), "! 500"],
  [
    "Mistral",
    err({ object: "error", message: secret, type: "internal_server_error", param: null, code: "3000" }),
    "! 500"
  ],
  [
    "Mistral, of its capacity",
    err({ object: "error", message: secret, type: "service_tier_capacity_exceeded", param: null, code: "3505" }),
    "! 429"
  ],
  [
    "Mistral, of a rate",
    err({ object: "error", message: secret, type: "rate_limited", param: null, code: "1300" }),
    "! 429"
  ],
  ["xAI, of a limit", err({ code: "Some resource has been exhausted", error: secret }), "! 429"],
  ["xAI, of a moment", err({ code: "The service is currently unavailable", error: secret }), "! 503"],
  ["xAI, of an argument", err({ code: "Client specified an invalid argument", error: secret }), "! InvalidRequest"],
  [
    "Gemini, with a delay",
    err([{
      error: {
        code: 429,
        message: secret,
        status: "RESOURCE_EXHAUSTED",
        details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "32s" }]
      }
    }]),
    "! 429 after 32000"
  ],
  ["Gemini, by a status alone", err({ error: { message: secret, status: "UNAVAILABLE" } }), "! 503"],
  ["Azure, of too many requests", err({ error: { code: "TooManyRequests", message: secret } }), "! 429"],
  ["Azure, busy", err({ error: { code: "ServerBusy", message: secret } }), "! 500"],
  [
    "Azure, of its filter",
    err({
      error: {
        code: "content_filter",
        message: secret,
        status: 400,
        innererror: { code: "ResponsibleAIPolicyViolation" }
      }
    }),
    "! InvalidRequest"
  ],
  ["Azure, of a deployment", err({ error: { code: "DeploymentNotFound", message: secret } }), "! InvalidRequest"],
  ["Azure, of a key", err({ error: { code: "Unauthorized", message: secret } }), "! 401"],
  [
    "vLLM, of a request",
    err({ object: "error", message: secret, type: "BadRequestError", param: null, code: null }),
    "! InvalidRequest"
  ],
  [
    "vLLM, of itself",
    err({ error: { message: secret, type: "InternalServerError", param: null, code: 500 } }),
    "! 500"
  ],
  ["a name in one word", err({ error: { message: secret, type: "RateLimitError" } }), "! 429"],
  [
    "LiteLLM, with a code as text",
    err({ error: { message: `litellm.RateLimitError: ${secret}`, type: "None", param: "None", code: "429" } }),
    "! 429"
  ],
  [
    "LiteLLM, in its message alone",
    err({ error: { message: `litellm.InternalServerError: ${secret}`, type: "None", param: "None", code: "None" } }),
    "! 500"
  ],
  ["Bedrock, of a request", err({ error: { type: "ValidationException", message: secret } }), "! InvalidRequest"],
  ["Bedrock, of a rate", err({ error: { type: "ThrottlingException", message: secret } }), "! 429"],
  ["Bedrock, of access", err({ error: { type: "AccessDeniedException", message: secret } }), "! 403"],
  ["Bedrock, of a stream", err({ error: { type: "ModelStreamErrorException", message: secret } }), "! Broken"],
  ["Bedrock, of a quota", err({ error: { type: "ServiceQuotaExceededException", message: secret } }), "! 402"],
  [
    "Cerebras, of a rate",
    err({ message: secret, type: "too_many_requests_error", param: "quota", code: "request_quota_exceeded" }),
    "! 429"
  ],
  ["Cerebras, of itself", err({ message: secret, type: "server_error", param: "", code: "" }), "! 500"],
  ["message and status", err({ status: 503, message: secret }), "! 503"],
  ["message and statusCode", err({ statusCode: 429, message: secret }), "! 429"],
  ["Spring", err({ timestamp: "2026", status: 500, error: "Internal Server Error", path: "/v1" }), "! 500"],
  [
    "Cloudflare",
    err({ success: false, errors: [{ code: 7009, message: secret }], messages: [], result: null }),
    "! Broken"
  ],
  ["errors list", err({ errors: [{ message: secret, code: "server_error" }] }), "! 500"],
  ["FastAPI", err({ detail: [{ loc: ["body"], msg: secret, type: "value_error" }] }), "! Broken"],
  ["Anthropic", [
    text("Hel"),
    `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"${secret}"}}\n\n`
  ], "! 500"],
  ["llama error field", [text("Hel"), `error: {"code":500,"message":"${secret}","type":"server_error"}\n\n`], "! 500"],
  ["event error text", [text("Hel"), `event: error\ndata: ${secret}\n\n`], "! Broken"],
  ["event Error", [text("Hel"), `event: Error\ndata: {"message":"${secret}"}\n\n`], "! Broken"],
  ["event exception", [text("Hel"), `event: exception\ndata: {"message":"${secret}"}\n\n`], "! Broken"],
  ["error empty object", [{ ...text("Hi"), error: {} }, stop], "Hi <stop>"],
  ["error empty string", [{ ...text("Hi"), error: "" }, stop], "Hi <stop>"],
  ["error code 0", [{ ...text("Hi"), error: { code: 0, message: "" } }, stop], "Hi <stop>"],
  ["error null fields", [{ ...text("Hi"), error: { code: null, message: null } }, stop], "Hi <stop>"],
  ["error code 200", err({ error: { code: 200, message: secret } }), "! Broken"],
  ["error status field", err({ error: { status: 503, message: secret } }), "! 503"],
  ["error http_code", err({ error: { http_code: "503", message: secret } }), "! 503"],
  ["error status_code", err({ error: { status_code: 429, message: secret } }), "! 429"],
  ["Ollama", err({ error: secret }), "! Broken"],
  ["choice error", [text("Hel"), {
    choices: [{ delta: {}, error: { code: 502, message: secret }, finish_reason: null }]
  }, done], "! 502"],
  ["delta error", [text("Hel"), delta({ error: { code: 502 } }), done], "! 502"],
  ["reason ERROR", [text("Hel"), delta({}, "ERROR")], "! Broken"],
  ["reason abort", [text("Hel"), delta({}, "abort")], "! Broken"],
  ["native stop error", [text("Hel"), {
    choices: [{ delta: {}, finish_reason: "error", native_finish_reason: "MALFORMED_FUNCTION_CALL" }]
  }], "! Broken"],
  ["insufficient_quota event", err({ error: { type: "insufficient_quota", code: "insufficient_quota" } }), "! 402"],
  [
    "context length event",
    err({
      error: {
        type: "invalid_request_error",
        code: "context_length_exceeded",
        message: "maximum context length is 100 tokens"
      }
    }),
    "! InvalidRequest"
  ],
  [
    "529",
    json({ type: "error", error: { type: "overloaded_error" } }, 529, { "retry-after": "3" }),
    "! 529 after 3000"
  ],
  [
    "429 that tells its end in words",
    json({ error: { code: "rate_limit_exceeded", message: `${secret}: Please try again in 1m7.66s. More.` } }, 429),
    "! 429 after 67660"
  ],
  [
    "rate limit event that tells its end in words",
    err({ error: { code: "rate_limit_exceeded", message: `${secret}. Please retry after 27 seconds.` } }),
    "! 429 after 27000"
  ],
  [
    "rate limit event that tells another number",
    err({ error: { code: "rate_limit_exceeded", message: "Limit 20 in 3s. Try again in a while." } }),
    "! 429"
  ],
  ["429 quota openai", json({ error: { code: "insufficient_quota", type: "insufficient_quota" } }, 429), "! 402"],
  ["429 quota flat", json({ code: "insufficient_quota", message: secret, type: "x" }, 429), "! 402"]
]

/** Names that are none, and could not become a text or a number. */
const nameless = { toString: 1, valueOf: null }

/** How long a server wants to be left alone (`after`, in ms). */
const waits: Table = ([
  ["seconds", { "retry-after": "7" }, " after 7000"],
  ["a part of one", { "retry-after": "0.5" }, " after 500"],
  ["with a unit", { "retry-after": "7.5s" }, " after 7500"],
  ["with two units", { "retry-after": "1m30s" }, " after 90000"],
  ["with a word", { "retry-after": "3 seconds" }, " after 3000"],
  ["twice", { "retry-after": "120, 120" }, " after 120000"],
  ["milliseconds", { "retry-after-ms": "250", "retry-after": "7" }, " after 250"],
  ["Azure's milliseconds", { "x-ms-retry-after-ms": "250" }, " after 250"],
  ["a date that is over", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, " after 0"],
  ["nothing", { "retry-after": "" }, ""],
  ["words", { "retry-after": "soon" }, ""]
] as ReadonlyArray<readonly [string, Record<string, string>, string]>).flatMap(([how, headers, wait]) =>
  [429, 503, 529].map((status) => [`${status}, ${how}`, json({}, status, headers), `! ${status}${wait}`] as const)
)

const attachments: Table = [
  [
    "thinking_blocks litellm",
    [
      delta({ thinking_blocks: [{ type: "thinking", thinking: "Hm", signature: "" }], reasoning_content: "Hm" }),
      delta({ thinking_blocks: [{ type: "thinking", thinking: " so.", signature: "" }], reasoning_content: " so." }),
      delta({ thinking_blocks: [{ type: "thinking", thinking: "", signature: "EqQB" }] }),
      delta({ thinking_blocks: [{ type: "redacted_thinking", data: "zzz" }] }),
      delta({ thinking_blocks: [{ type: "thinking", thinking: "Two", signature: "" }] }),
      delta({ thinking_blocks: [{ type: "thinking", thinking: "", signature: "Eq2" }] }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"Hm so.\",\"signature\":\"EqQB\"},{\"type\":\"redacted_thinking\",\"data\":\"zzz\"},{\"type\":\"thinking\",\"thinking\":\"Two\",\"signature\":\"Eq2\"}],\"reasoning_content\":\"Hm so.\"}>"
  ],
  [
    "thinking_blocks in provider_specific_fields",
    [
      delta({ provider_specific_fields: { thinking_blocks: [{ type: "thinking", thinking: "Hm", signature: "" }] } }),
      delta({ provider_specific_fields: { thinking_blocks: [{ type: "thinking", thinking: " so", signature: "" }] } }),
      delta({ provider_specific_fields: { thinking_blocks: [{ type: "thinking", thinking: "", signature: "Eq" }] } }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"provider_specific_fields\":{\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"Hm so\",\"signature\":\"Eq\"}]}}>"
  ],
  [
    "reasoning_details openrouter",
    [
      delta({
        reasoning: "Hm",
        reasoning_details: [{ type: "reasoning.text", text: "Hm", format: "anthropic-claude-v1", index: 0 }]
      }),
      delta({
        reasoning: ".",
        reasoning_details: [{ type: "reasoning.text", text: ".", format: "anthropic-claude-v1", index: 0 }]
      }),
      delta({
        reasoning_details: [{ type: "reasoning.text", signature: "Eq", format: "anthropic-claude-v1", index: 0 }]
      }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning\":\"Hm.\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm.\",\"format\":\"anthropic-claude-v1\",\"index\":0,\"signature\":\"Eq\"}]}>"
  ],
  [
    "reasoning_details no index",
    [
      delta({ reasoning_details: [{ type: "reasoning.text", text: "Hm" }] }),
      delta({ reasoning_details: [{ type: "reasoning.text", text: "." }] }),
      delta({ reasoning_details: [{ type: "reasoning.text", text: "", signature: "Eq" }] }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm.\",\"signature\":\"Eq\"}]}>"
  ],
  [
    "reasoning_details encrypted two calls same index",
    [
      delta({
        reasoning_details: [{ type: "reasoning.encrypted", data: "AAA", id: "a", format: "google-gemini-v1", index: 0 }]
      }),
      delta({
        reasoning_details: [{ type: "reasoning.encrypted", data: "BBB", id: "b", format: "google-gemini-v1", index: 0 }]
      }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"AAA\",\"id\":\"a\",\"format\":\"google-gemini-v1\",\"index\":0},{\"type\":\"reasoning.encrypted\",\"data\":\"BBB\",\"id\":\"b\",\"format\":\"google-gemini-v1\",\"index\":0}]}>"
  ],
  [
    "reasoning_details summary",
    [
      delta({ reasoning_details: [{ type: "reasoning.summary", summary: "Look", id: null, index: 0 }] }),
      delta({ reasoning_details: [{ type: "reasoning.summary", summary: "ing", id: null, index: 0 }] }),
      delta({ reasoning_details: [{ type: "reasoning.encrypted", data: "g", id: "rs", index: 0 }] }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"Looking\",\"id\":null,\"index\":0},{\"type\":\"reasoning.encrypted\",\"data\":\"g\",\"id\":\"rs\",\"index\":0}]}>"
  ],
  [
    "reasoning_details index number vs string",
    [
      delta({ reasoning_details: [{ type: "reasoning.text", text: "a", index: 0 }] }),
      delta({ reasoning_details: [{ type: "reasoning.text", text: "b", index: "0" }] }),
      look,
      called
    ],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"ab\",\"index\":\"0\"}]}>"
  ],
  ["reasoning object", [
    delta({ reasoning: { content: "Hm" } }),
    delta({ reasoning: { content: " so" } }),
    look,
    called
  ], "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning\":{\"content\":\"Hm so\"}}>"],
  [
    "reasoning_content list",
    [delta({ reasoning_content: [{ type: "text", text: "Hm" }] }), look, called],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_content\":[{\"type\":\"text\",\"text\":\"Hm\"}]}>"
  ],
  [
    "reasoning_text",
    [delta({ reasoning_text: "Hm" }), look, called],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_text\":\"Hm\"}>"
  ],
  [
    "thinking string",
    [delta({ thinking: "Hm" }), look, called],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"thinking\":\"Hm\"}>"
  ],
  [
    "reasoning_opaque copilot",
    [delta({ reasoning_text: "Hm", reasoning_opaque: "zzz" }), look, called],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"reasoning_text\":\"Hm\",\"reasoning_opaque\":\"zzz\"}>"
  ],
  ["signature on call function", [
    calls({ index: 0, id: "a", type: "function", function: { name: "w", arguments: a, thought_signature: "sig" } }),
    called
  ], "[w {\"city\":\"Rome\"} {\"function\":{\"thought_signature\":\"sig\"}}] <tool-calls>"],
  [
    "signature on delta",
    [delta({ thought_signature: "sig" }), look, called],
    "[w {\"city\":\"Rome\"}] <tool-calls {\"thought_signature\":\"sig\"}>"
  ],
  ["extra_content last", [
    look,
    delta({ content: "", extra_content: { google: { thought_signature: "sig" } } }, "tool_calls")
  ], "[w {\"city\":\"Rome\"}] <tool-calls {\"extra_content\":{\"google\":{\"thought_signature\":\"sig\"}}}>"],
  ["extra_content in a second delta of the call", [
    calls(fn("w", a, { index: 0, id: "a" })),
    calls({ index: 0, extra_content: { google: { thought_signature: "sig" } } }),
    called
  ], "[w {\"city\":\"Rome\"} {\"extra_content\":{\"google\":{\"thought_signature\":\"sig\"}}}] <tool-calls>"],
  ["signature pieces on call", [
    calls({
      index: 0,
      id: "a",
      type: "function",
      function: { name: "w", arguments: a },
      provider_specific_fields: { thought_signature: "sig" }
    }),
    called
  ], "[w {\"city\":\"Rome\"} {\"provider_specific_fields\":{\"thought_signature\":\"sig\"}}] <tool-calls>"],
  [
    "think in reasoning and content",
    [delta({ reasoning: "Hm" }), text("<think>a</think>Hi"), delta({}, "stop")],
    "Hi <stop {\"reasoning\":\"Hm\"}>"
  ],
  ["think split by bytes", [...[..."<think>ab</think>\n\nHi"].map((c) => text(c)), delta({}, "stop")], "Hi <stop>"],
  ["annotations", [
    delta({ content: "Hi", annotations: [{ type: "url_citation" }], audio: null, images: [] }),
    delta({}, "stop")
  ], "Hi <stop>"],
  [
    "reasoning only then stop",
    [delta({ reasoning_content: "Hm" }), delta({}, "stop")],
    " <stop {\"reasoning_content\":\"Hm\"}>"
  ],
  ["content in thought false", [
    delta({ content: "Hi", extra_content: { google: { thought: false } } }),
    delta({}, "stop")
  ], "Hi <stop>"],
  ["gemini thought true", [
    delta({ content: "<thought>Hm", extra_content: { google: { thought: true } } }),
    delta({ content: "</thought>Hi" }),
    delta({}, "stop")
  ], "Hi <stop>"],
  ["gemini thought without tags", [
    delta({ content: "Hm", extra_content: { google: { thought: true } } }),
    delta({ content: "Hi" }),
    delta({}, "stop")
  ], "Hi <stop>"],
  ["groq channel", [
    delta({ channel: "analysis", reasoning: "Hm" }),
    delta({ channel: "final", content: "Hi" }),
    delta({}, "stop")
  ], "Hi <stop {\"reasoning\":\"Hm\"}>"]
]

const e = (type: string, more: object = {}) => ({ type: `response.${type}`, ...more })
const written = (delta: unknown, more: object = {}) =>
  e("output_text.delta", { output_index: 0, content_index: 0, item_id: "m", delta, ...more })
const completed = (more: object = {}, output?: unknown) =>
  e("completed", { response: { id: "r", ...(output === undefined ? {} : { output }), ...more } })
const message = (text: string, more: object = {}) => ({
  type: "message",
  id: "m",
  role: "assistant",
  content: [{ type: "output_text", text, annotations: [] }],
  ...more
})
const call = { type: "function_call", id: "fc", call_id: "c1", name: "w", arguments: a, status: "completed" }

const responses: Table = [
  ["done text only, output empty", [
    e("output_text.done", { output_index: 0, content_index: 0, text: "Hi" }),
    completed({}, [])
  ], "Hi <stop>"],
  [
    "item done only, output empty",
    [e("output_item.done", { output_index: 0, item: message("Hi") }), completed({}, [])],
    "Hi <stop>"
  ],
  [
    "item done only, no output",
    [e("output_item.done", { output_index: 0, item: message("Hi") }), completed()],
    "Hi <stop>"
  ],
  ["content_part.done only", [
    e("content_part.done", { output_index: 0, part: { type: "output_text", text: "Hi" } }),
    completed()
  ], "Hi <stop>"],
  ["everything told", [
    written("Hi"),
    e("output_text.done", { output_index: 0, text: "Hi" }),
    e("content_part.done", { output_index: 0, part: { type: "output_text", text: "Hi" } }),
    e("output_item.done", { output_index: 0, item: message("Hi") }),
    completed({}, [message("Hi")])
  ], "Hi <stop>"],
  ["completed output only", [completed({}, [message("Hi")])], "Hi <stop>"],
  ["two messages, second only whole", [
    written("Hi."),
    e("output_item.done", { output_index: 0, item: message("Hi.") }),
    e("output_item.done", { output_index: 1, item: message("There.", { id: "m2" }) }),
    completed()
  ], "Hi. There. <stop>"],
  ["two messages, second only in output", [
    written("Hi."),
    completed({}, [message("Hi."), message("There.", { id: "m2" })])
  ], "Hi. There. <stop>"],
  ["refusal delta", [e("refusal.delta", { delta: "No." }), completed()], "No. <stop>"],
  ["refusal done only", [e("refusal.done", { refusal: "No." }), completed()], "No. <stop>"],
  [
    "refusal in output",
    [completed({}, [{ type: "message", content: [{ type: "refusal", refusal: "No." }] }])],
    "No. <stop>"
  ],
  [
    "call done",
    [e("output_item.done", { output_index: 0, item: call }), completed()],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["call in output", [completed({}, [call])], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["call args done w/o item done", [
    e("output_item.added", { output_index: 0, item: { ...call, arguments: "" } }),
    e("function_call_arguments.delta", { output_index: 0, item_id: "fc", delta: `{"city":` }),
    e("function_call_arguments.delta", { output_index: 0, item_id: "fc", delta: `"Rome"}` }),
    e("function_call_arguments.done", { output_index: 0, item_id: "fc", arguments: call.arguments }),
    completed()
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["call args deltas only", [
    e("output_item.added", { output_index: 0, item: { ...call, arguments: "" } }),
    e("function_call_arguments.delta", { output_index: 0, item_id: "fc", delta: `{"city":` }),
    e("function_call_arguments.delta", { output_index: 0, item_id: "fc", delta: `"Rome"}` }),
    completed()
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "call twice (done and output)",
    [e("output_item.done", { output_index: 0, item: call }), completed({}, [call])],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["call twice, ids differ in output", [
    e("output_item.done", { output_index: 0, item: call }),
    completed({}, [{ ...call, call_id: undefined }])
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  ["call args object", [
    e("output_item.done", { output_index: 0, item: { ...call, arguments: { city: "Rome" } } }),
    completed()
  ], "[w {\"city\":\"Rome\"}] <tool-calls>"],
  [
    "call args null",
    [e("output_item.done", { output_index: 0, item: { ...call, arguments: null } }), completed()],
    "[w {}] <tool-calls>"
  ],
  [
    "call id number",
    [e("output_item.done", { output_index: 0, item: { ...call, call_id: 5, id: 6 } }), completed()],
    "[w {\"city\":\"Rome\"}] <tool-calls>"
  ],
  ["call incomplete, length", [
    e("output_item.done", { output_index: 0, item: { ...call, arguments: `{"city":"Ro`, status: "incomplete" } }),
    e("incomplete", { response: { incomplete_details: { reason: "max_output_tokens" } } })
  ], " <length>"],
  ["call incomplete, filter", [
    e("output_item.done", { output_index: 0, item: { ...call, arguments: `{"city":"Ro`, status: "incomplete" } }),
    e("incomplete", { response: { incomplete_details: { reason: "content_filter" } } })
  ], " <content-filter>"],
  ["no completed, DONE", [written("Hi"), done], "Hi <>"],
  ["no completed, close", [written("Hi")], "! Disconnected"],
  ["completed then DONE", [written("Hi"), completed(), done], "Hi <stop>"],
  ["indices as strings", [written("Hi", { output_index: "0", content_index: "0" }), completed()], "Hi <stop>"],
  ["indices null", [written("Hi", { output_index: null }), completed()], "Hi <stop>"],
  ["item list", [written("Hi"), e("output_item.done", { item: [] }), completed()], "Hi <stop>"],
  ["response list", [written("Hi"), e("completed", { response: [] })], "Hi <stop>"],
  ["no response", [written("Hi"), e("completed")], "Hi <stop>"],
  ["incomplete_details string", [
    written("Hi"),
    e("incomplete", { response: { incomplete_details: "max_output_tokens" } })
  ], "Hi <length>"],
  ["incomplete unknown", [
    written("Hi"),
    e("incomplete", { response: { incomplete_details: { reason: "brand_new" } } })
  ], "Hi <other>"],
  ["incomplete tokens of context", [
    written("Hi"),
    e("incomplete", { response: { incomplete_details: { reason: "max_tokens" } } })
  ], "Hi <length>"],
  [
    "a failure",
    [written("Hi"), e("failed", { response: { error: { code: "server_error", message: secret } } })],
    "! 500"
  ],
  ["failed null error", [written("Hi"), e("failed", { response: { error: null } })], "! Broken"],
  ["failed string", [written("Hi"), e("failed", { response: { error: secret } })], "! Broken"],
  ["failed rate", [written("Hi"), e("failed", { response: { error: { code: "rate_limit_exceeded" } } })], "! 429"],
  ["completed with status failed", [
    written("Hi"),
    e("completed", { response: { status: "failed", error: { code: "server_error", message: secret } } })
  ], "! 500"],
  ["completed with status incomplete", [
    written("Hi"),
    e("completed", { response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } })
  ], "Hi <length>"],
  ["response.done", [written("Hi"), e("done", { response: { status: "completed" } })], "Hi <stop>"],
  ["an end by somebody else", [written("Hi"), e("cancelled", { response: { status: "cancelled" } })], "! Broken"],
  ["error event", [written("Hi"), { type: "error", code: "server_error", message: secret, param: null }], "! 500"],
  ["error event nested", [written("Hi"), {
    type: "error",
    error: { type: "server_error", code: null, message: secret }
  }], "! 500"],
  ["response.error", [written("Hi"), e("error", { error: { code: 503 } })], "! 503"],
  [
    "usage strings",
    [written("Hi"), completed({ usage: { input_tokens: "20", output_tokens: 7 } })],
    "Hi <stop 20//7/>"
  ],
  [
    "usage chat names",
    [written("Hi"), completed({ usage: { prompt_tokens: 20, completion_tokens: 7 } })],
    "Hi <stop 20//7/>"
  ],
  ["usage null", [written("Hi"), completed({ usage: null, model: 5 })], "Hi <stop>"],
  ["id number", [written("Hi"), e("completed", { response: { id: 5 } })], "Hi <stop>"],
  ["delta object", [written({ text: "Hi" }), completed()], "Hi <stop>"],
  [
    "whole json",
    json({
      id: "r",
      object: "response",
      status: "completed",
      output: [message("Hi")],
      usage: { input_tokens: 3, output_tokens: 1 }
    }),
    "Hi <stop 3//1/>"
  ],
  ["json error", json({ error: { code: "rate_limit_exceeded" } }), "! 429"],
  [
    "reasoning first",
    [
      e("output_item.added", { output_index: 0, item: { type: "reasoning", id: "rs" } }),
      e("reasoning_summary_text.delta", { delta: "Hm" }),
      e("output_item.done", {
        output_index: 0,
        item: { type: "reasoning", id: "rs", summary: [], encrypted_content: "g" }
      }),
      e("output_item.done", { output_index: 1, item: call }),
      completed()
    ],
    "[w {\"city\":\"Rome\"} {\"reasoning\":[{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[],\"encrypted_content\":\"g\"}]}] <tool-calls>"
  ]
]

const reasons = {
  stop: [
    "STOP",
    "COMPLETE",
    "completed",
    "end_turn",
    "FINISH_REASON_STOP",
    "FinishReason.STOP",
    " stop ",
    "end_of_turn"
  ],
  length: ["MAX_TOKENS", "max_output_tokens", "model_context_window_exceeded", "token_limit"],
  "tool-calls": ["TOOL_CALL", "function_calls", "tool-calls"],
  "content-filter": ["content_filtered", "guardrail_intervened", "ERROR_TOXIC", "IMAGE_SAFETY"],
  error: ["UNEXPECTED_TOOL_CALL"],
  other: ["LANGUAGE", "unload", "pause_turn", "budget_exceeded"]
}

const brokenOff = ["ERROR", "abort", "cancelled", " Error "]

/** Placeholders for a reason, with each event. */
const unreasoned = ["None", "null", "", "FINISH_REASON_UNSPECIFIED"]

const tables: Readonly<Record<string, Table>> = {
  "how events come": events,
  "tokens": counts,
  "calls and texts": callsAndTexts,
  "errors": errors,
  "how long it waits": waits,
  "what is attached": attachments,
  "names that are none": [
    ["a code", err({ error: { code: nameless, type: nameless, message: nameless, status: nameless } }), "! Broken"],
    ["an end", [text("Hi"), delta({}, nameless)], "Hi <other>"],
    [
      "an index",
      [delta({ reasoning_details: [{ index: nameless, text: "Hm" }] }), text("Hi"), delta({}, "stop")],
      "Hi <stop {\"reasoning_details\":[{\"index\":{\"toString\":1,\"valueOf\":null},\"text\":\"Hm\"}]}>"
    ],
    [
      "an id",
      [calls({ id: nameless, index: nameless, function: { name: "w", arguments: "{}" } }), called],
      "[w {}] <tool-calls>"
    ]
  ],
  "why it ends": [
    ...Object.entries(reasons).flatMap(([reason, told]) =>
      told.map((end) => [end, [text("Hi"), delta({}, end)], `Hi <${reason}>`] as const)
    ),
    ...brokenOff.map((end) => [end, [text("Hi"), delta({}, end)], "! Broken"] as const),
    ...unreasoned.map((none) =>
      [
        `${none}, again and again`,
        [delta({ content: "Hi" }, none), delta({ content: " there" }, none), delta({}, "stop")],
        "Hi there <stop>"
      ] as const
    )
  ]
}

describe.concurrent("the dialects of models", () => {
  for (const layer of ["OpenAiLlm", "HttpLlm"] as const) {
    for (const [subject, table] of Object.entries(tables)) {
      it.live.each(table)(`${layer}, ${subject}: %s`, ([, told, expected]) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* outcome(layer, told), expected)
        }))
    }
  }

  it.live.each(responses)("OpenAiLlm, responses: %s", ([, told, expected]) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* outcome("OpenAiLlm, responses", told), expected)
    }))
})
