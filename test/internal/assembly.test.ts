/** Whole answers, put together from whatever servers of Chat Completions tell of them. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Schema, Stream } from "effect"
import { Llm } from "effect-voice"
import { Prompt } from "effect/ai"
import { assembled, type Piece } from "../../src/internal/llm/assembly.ts"
import { Chunk, chunkParts } from "../../src/internal/llm/chunks.ts"
import { doneMark } from "../../src/internal/provider/lines.ts"
import { conversation, cut, parsedOr, type Random, random } from "../support/fragments.ts"
import { thorough } from "../support/thorough.ts"

/** How many answers are told. @default 1000, in CI 5000 */
const runs = Config.Int("EFFECT_VOICE_STREAMS").pipe(Config.withDefault(thorough ? 5000 : 1000))
/** The seed of the first. @default 1 */
const first = Config.Int("EFFECT_VOICE_STREAMS_FROM").pipe(Config.withDefault(1))

const texts = ["Hello there.", "It is 2 < 3, [1] and so on.", "Å 🙂", "Yes.\nNo."]
const thoughts = ["Hm.", "They say {\"a\": 1}.", "Two\nlines", "…"]

/** Text as a string, or as parts of which some may be thoughts. */
const contentOf = (text: string, dice: Random): unknown =>
  dice.chance(0.7) ? text : [
    ...(dice.chance(0.5) ? [{ type: "thinking", thinking: [{ type: "text", text: "Hm." }] }] : []),
    dice.chance(0.5) ? { type: "text", text } : text
  ]

const reasons = [
  ["stop", "stop"],
  ["length", "length"],
  ["content_filter", "content-filter"],
  ["brand_new", "other"]
] as const

/** An answer as one of many servers tells it, and what it is. */
const answer = (seed: number) => {
  const dice = random(seed * 7919)
  const chunks: Array<unknown> = []
  const delta = (delta: unknown, more: object = {}) =>
    chunks.push({ ...more, choices: [{ index: 0, delta, finish_reason: dice.one([null, ""]) }] })
  const noise = () => {
    if (dice.chance(0.1)) delta({ content: dice.one([null, ""]) })
    if (dice.chance(0.05)) chunks.push({ choices: [] }, { choices: null })
  }
  const thinking = dice.one(["none", "reasoning_content", "reasoning", "tags"] as const)
  const thought = dice.one(thoughts)
  const calls = dice.chance(0.6) ? conversation(seed) : undefined
  const text = calls === undefined || dice.chance(0.4) ? dice.one(texts) : ""
  if (dice.chance(0.5)) delta({ role: "assistant", content: "" })
  if (thinking === "reasoning" || thinking === "reasoning_content") {
    for (const piece of cut(thought, dice)) delta({ [thinking]: piece })
  }
  const tag = dice.one(["think", "thinking", "thought"])
  const written = thinking === "tags" ? `<${tag}>${thought}</${tag}>\n\n${text}` : text
  for (const piece of cut(written, dice)) {
    noise()
    delta({ content: contentOf(piece, dice) })
  }
  for (const fragments of calls?.deltas ?? []) {
    noise()
    delta({
      tool_calls: fragments.map(({ id, index, name, params }) => ({ id, index, function: { name, arguments: params } }))
    })
  }
  const said = text !== "" || calls !== undefined
  const how = dice.one(said ? ["reason", "done", "usage"] as const : ["reason"] as const)
  const [told, reason] = calls === undefined
    ? dice.one(reasons)
    : dice.one([["stop", "tool-calls"], ["tool_calls", "tool-calls"]] as const)
  const usage = { prompt_tokens: dice.below(99), completion_tokens: dice.below(99) }
  const counts = how === "usage" || dice.chance(0.5)
  if (how === "reason") chunks.push({ choices: [{ delta: {}, finish_reason: told }] })
  if (counts) chunks.push({ choices: dice.one([[], null]), usage })
  if (how === "done" || dice.chance(0.5)) chunks.push(doneMark)
  return {
    chunks: chunks.map((chunk): unknown => JSON.parse(JSON.stringify(chunk))),
    text,
    fields: thinking === "reasoning" || thinking === "reasoning_content" ? { [thinking]: thought } : undefined,
    calls: calls?.wanted ?? [],
    finish: {
      reason: how === "reason" ? reason : calls === undefined ? undefined : "tool-calls",
      usage: counts ? { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens } : undefined
    }
  }
}

const decode = Schema.decodeUnknownEffect(Chunk)

const replied = (chunks: ReadonlyArray<unknown>) =>
  Stream.runCollect(
    Llm.make({
      name: "server",
      reply: () =>
        assembled(
          { key: "k", finishes: true },
          Stream.mapEffect(Stream.fromIterable(chunks), (chunk) =>
            chunk === doneMark
              ? Effect.succeed<ReadonlyArray<Piece> | typeof doneMark>(doneMark)
              : Effect.map(decode(chunk), chunkParts))
        ).pipe(Stream.mapError((reason) => reason as never))
    }).reply({ prompt: Prompt.make("Hello?"), tools: [] })
  )

describe("answers put together", () => {
  it.live("are what was said and called, however a server tells, thinks and ends", () =>
    Effect.gen(function*() {
      const from = yield* first
      const to = from + (yield* runs)
      for (let seed = from; seed < to; seed++) {
        const { calls, chunks, fields, finish, text } = answer(seed)
        const where = `seed ${seed}: ${JSON.stringify(chunks)}`
        const deltas = yield* Effect.orDie(replied(chunks)).pipe(
          Effect.catchDefect((defect) => Effect.sync(() => assert.fail(`${String(defect)} ${where}`)))
        )
        const said = deltas.map((delta) => delta._tag === "Text" ? delta.text : "").join("")
        assert.strictEqual(said, text, where)
        const called = deltas.flatMap((delta) => delta._tag === "ToolCall" ? [delta] : [])
        assert.deepStrictEqual(
          called.map(({ name, params }) => [name, typeof params === "string" ? parsedOr(params) : params]),
          calls.map(({ name, params }) => [name, params]),
          where
        )
        const end = deltas.at(-1)
        if (end?._tag !== "Finish") return assert.fail(where)
        assert.deepStrictEqual<unknown>({ reason: end.reason, usage: end.usage }, finish, where)
        assert.deepStrictEqual(end.metadata?.["k"], fields, where)
      }
    }), 3_600_000)
})
