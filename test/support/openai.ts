/** What OpenAI's HTTP interface answers, written from its published protocol. */
import type { Handler, Peer } from "./provider.ts"

/** An answer as server-sent events. */
export const sse = (events: ReadonlyArray<unknown>, done = true): Handler => (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })
  for (const event of events) {
    const type = typeof event === "object" && event !== null && "type" in event ? `event: ${String(event.type)}\n` : ""
    response.write(`${type}data: ${JSON.stringify(event)}\n\n`)
  }
  response.end(done ? "data: [DONE]\n\n" : "")
}

/** One chunk of a chat completion. */
export const chunk = (delta: unknown, finish: string | null = null): unknown => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-4o-mini-2024-07-18",
  choices: [{ index: 0, delta, finish_reason: finish }]
})

/** The last chunk, which counts the tokens. */
export const usage: unknown = {
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-4o-mini-2024-07-18",
  choices: [],
  usage: { prompt_tokens: 20, completion_tokens: 7, total_tokens: 27, prompt_tokens_details: { cached_tokens: 4 } }
}

/** A reply in words. */
export const saying = (...texts: ReadonlyArray<string>): Handler =>
  sse([
    chunk({ role: "assistant", content: "" }),
    ...texts.map((content) => chunk({ content })),
    chunk({}, "stop"),
    usage
  ])

/** A reply that calls tools, their parameters in two pieces. */
export const calling = (...calls: ReadonlyArray<{ readonly name: string; readonly params: unknown }>): Handler =>
  sse([
    ...calls.flatMap(({ name, params }, index) => {
      const text = JSON.stringify(params)
      const half = text.length / 2
      return [
        chunk({
          tool_calls: [{ index, id: `call_${name}_${index}`, type: "function", function: { name, arguments: "" } }]
        }),
        chunk({ tool_calls: [{ index, function: { arguments: text.slice(0, half) } }] }),
        chunk({ tool_calls: [{ index, function: { arguments: text.slice(half) } }] })
      ]
    }),
    chunk({}, "tool_calls"),
    usage
  ])

/** The events of Responses for a reply in words. */
export const responding = (...texts: ReadonlyArray<string>): Handler =>
  sse([
    { type: "response.created", response: { id: "resp_1", model: "gpt-4o-mini-2024-07-18" } },
    { type: "response.in_progress", response: { id: "resp_1" } },
    ...texts.map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, delta })),
    { type: "response.brand_new", something: { unknown: true } },
    {
      type: "response.completed",
      response: {
        id: "resp_1",
        model: "gpt-4o-mini-2024-07-18",
        usage: { input_tokens: 20, output_tokens: 7, input_tokens_details: { cached_tokens: 4 } }
      }
    }
  ], false)

/** The events of Responses for a call of a tool. */
export const respondingCall = (name: string, params: unknown): Handler =>
  sse([
    { type: "response.created", response: { id: "resp_1", model: "gpt-4o-mini-2024-07-18" } },
    { type: "response.function_call_arguments.delta", item_id: "fc_1", output_index: 0, delta: "{" },
    {
      type: "response.output_item.done",
      output_index: 0,
      item: { type: "function_call", id: "fc_1", call_id: "call_1", name, arguments: JSON.stringify(params) }
    },
    { type: "response.completed", response: { id: "resp_1", usage: { input_tokens: 20, output_tokens: 7 } } }
  ], false)

/** A whole transcription, as `whisper-1` tells it. */
export const transcribed = (text: string, more: object = {}): Handler => (_, response) =>
  void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({
    task: "transcribe",
    language: "english",
    duration: 1,
    text,
    segments: [
      { id: 0, start: 0, end: 1, text: ` ${text}`, avg_logprob: -0.2, compression_ratio: 1.1, no_speech_prob: 0.01 }
    ],
    ...more
  }))

/** A live transcription: each commit is heard as the next of `texts`, the last of them for ever. */
export const hearing = (...texts: ReadonlyArray<string>) => {
  const said = new WeakMap<Peer, number>()
  return (message: string | Buffer, peer: Peer): void => {
    const { type } = JSON.parse(message.toString())
    if (type === "session.update") return peer.send({ type: "session.updated", session: {} })
    if (type !== "input_audio_buffer.commit") return
    const count = said.get(peer) ?? 0
    said.set(peer, count + 1)
    const text = texts[Math.min(count, texts.length - 1)] ?? ""
    const id = `item_${count}`
    peer.send({ type: "input_audio_buffer.committed", item_id: id, previous_item_id: null })
    for (const delta of text.split(/(?<= )/)) {
      peer.send({ type: "conversation.item.input_audio_transcription.delta", item_id: id, content_index: 0, delta })
    }
    peer.send({ type: "rate_limits.updated", rate_limits: [] })
    peer.send({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: id,
      content_index: 0,
      transcript: text
    })
  }
}
