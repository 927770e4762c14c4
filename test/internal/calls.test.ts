/** Calls of tools, put together from whatever servers tell of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Call, Calls, type Fragment } from "../../src/internal/llm/calls.ts"
import { conversation, parsedOr } from "../support/fragments.ts"

type Deltas = ReadonlyArray<ReadonlyArray<Fragment>>

const assembled = (deltas: Deltas) => {
  const calls = new Calls()
  for (const delta of deltas) calls.push(delta)
  return calls.end(false)
}

const told = (deltas: Deltas) =>
  Effect.map(assembled(deltas), (calls) => calls.map(({ name, params }) => [name, params]))

describe("calls that come in fragments", () => {
  it.effect("are the calls that were made, however a server cuts, mixes and names them", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 10_000; seed++) {
        const { deltas, ids, style, wanted } = conversation(seed)
        const calls = yield* assembled(deltas)
        const parsed = calls.map(({ id, name, params }) => ({
          id,
          name,
          params: typeof params === "string" ? parsedOr(params) : params
        }))
        const known = (call: Call) => ids ? call : { name: call.name, params: call.params }
        const where = `seed ${seed}, ${style}: ${JSON.stringify(deltas)}`
        assert.deepStrictEqual(parsed.map(known), wanted.map(known), where)
        assert.strictEqual(new Set(parsed.map(({ id }) => id)).size, wanted.length, where)
      }
    }))

  it.effect.each<readonly [what: string, deltas: Deltas, calls: ReadonlyArray<readonly [string, unknown]>]>([
    ["halves of two calls in turn, begun in one delta", [
      [{ index: 0, id: "a", name: "x", params: "" }, { index: 1, id: "b", name: "y", params: "" }],
      [{ index: 0, params: "{\"a\"" }],
      [{ index: 1, params: "{\"b\"" }],
      [{ index: 0, params: ":1}" }],
      [{ index: 1, params: ":2}" }]
    ], [["x", "{\"a\":1}"], ["y", "{\"b\":2}"]]],
    ["whole calls, all of the index 0, with ids", [
      [{ index: 0, id: "a", name: "x", params: "{}" }],
      [{ index: 0, id: "b", name: "x", params: "{}" }]
    ], [["x", "{}"], ["x", "{}"]]],
    ["whole calls of the index 0 in one delta, without ids", [
      [{ index: 0, name: "x", params: "{}" }, { index: 0, name: "x", params: "{}" }, {
        index: 0,
        name: "y",
        params: ""
      }]
    ], [["x", "{}"], ["x", "{}"], ["y", ""]]],
    ["whole calls in one delta, without index and id", [
      [{ name: "get_weather", params: "{}" }, { name: "get_time", params: "{}" }, { name: "get_time", params: {} }]
    ], [["get_weather", "{}"], ["get_time", "{}"], ["get_time", {}]]],
    ["calls without parameters, without index and id", [[{ name: "x", params: "" }], [{ name: "y" }]], [
      ["x", ""],
      ["y", ""]
    ]],
    ["one tool twice in one delta, without index, id and parameters", [[{ name: "x", params: "" }, { name: "x" }]], [
      ["x", ""],
      ["x", ""]
    ]],
    ["an id, its parameters, another id, its parameters", [
      [{ id: "a", name: "x" }],
      [{ params: "{\"a\":" }],
      [{ params: "1}" }],
      [{ id: "b", name: "x" }],
      [{ params: "{\"a\":2}" }]
    ], [["x", "{\"a\":1}"], ["x", "{\"a\":2}"]]],
    ["a name on every fragment, the last of them empty", [
      [{ name: "x", params: "" }],
      [{ name: "x", params: "{\"a\":" }],
      [{ name: "x", params: "1}" }],
      [{ name: "x", params: "" }]
    ], [["x", "{\"a\":1}"]]],
    ["a name again after whole parameters, then others", [
      [{ name: "x", params: "{\"a\":1}" }],
      [{ name: "x", params: "" }],
      [{ params: "{\"a\":2}" }]
    ], [["x", "{\"a\":1}"], ["x", "{\"a\":2}"]]],
    ["one call told in pieces, and again as a whole", [
      [{ index: 0, id: "a", name: "x", params: "{\"a\":" }],
      [{ index: 0, params: "1}" }],
      [{ index: 0, id: "a", name: "x", params: "{\"a\":1}" }]
    ], [["x", "{\"a\":1}"]]],
    ["an index that is told late, and an id that is", [
      [{ id: "a", name: "x" }],
      [{ index: 0, params: "{\"a\":" }],
      [{ index: 0, params: "1}" }],
      [{ index: 1, name: "y", params: "{" }],
      [{ index: 1, id: "b", params: "}" }]
    ], [["x", "{\"a\":1}"], ["y", "{}"]]],
    ["fragments with nothing in them", [[{}], [{ index: 0, id: "", name: "", params: "" }], [{
      index: 1,
      params: null
    }]], []],
    ["calls that come in another order than they are numbered", [
      [{ index: 1, name: "y", params: "{}" }],
      [{ index: 0, name: "x", params: "{}" }]
    ], [["x", "{}"], ["y", "{}"]]],
    ["empty parameters at first, and then those that are meant", [
      [{ index: 0, id: "a", name: "x", params: "{}" }, { index: 1, id: "b", name: "y", params: {} }],
      [{ index: 0, params: "{\"a\"" }],
      [{ index: 1, id: "b", params: "{\"b\":2}" }],
      [{ index: 0, params: ":1}" }]
    ], [["x", "{\"a\":1}"], ["y", "{\"b\":2}"]]],
    ["a second call of which nothing but the parameters is told", [
      [{ index: 0, id: "a", name: "x", params: "" }],
      [{ index: 0, name: "", params: "{\"a\":1}" }],
      [{ index: 0, name: "", params: "{\"a\"" }],
      [{ index: 0, name: "", params: ":2}" }]
    ], [["x", "{\"a\":1}"], ["x", "{\"a\":2}"]]],
    ["parameters that never became whole", [[{ index: 0, name: "x", params: "{\"a\":" }]], [["x", "{\"a\":"]]]
  ])("are told apart: %s", ([, deltas, calls]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* told(deltas), calls.map((call) => [...call]))
    }))

  it.effect("have an id each, though a server gives the same one twice", () =>
    Effect.gen(function*() {
      const calls = yield* assembled([
        [{ index: 0, id: "call", name: "x", params: "{\"a\":1}" }],
        [{ index: 1, id: "call", name: "x", params: "{\"a\":2}" }],
        [{ index: 1, id: "call", name: "x", params: "{\"a\":3}" }]
      ])
      assert.deepStrictEqual(calls.map(({ params }) => params), ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"])
      assert.strictEqual(calls[0]?.id, "call")
      assert.strictEqual(new Set(calls.map(({ id }) => id)).size, 3)
    }))

  it.effect("cannot be run without a name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(assembled([[{ index: 0, id: "a", params: "{}" }]]))
      assert.strictEqual(error._tag, "InvalidResponse")
    }))
})
