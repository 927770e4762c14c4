import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, DateTime, Deferred, Effect, Exit, Fiber, Layer, Logger, Option, Schema, Scope } from "effect"
import { History, Tools } from "effect-voice"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"

const GetWeather = Tool.make("get_weather", {
  parameters: Schema.Struct({ city: Schema.String, days: Schema.optionalKey(Schema.Int) }),
  success: Schema.Struct({ sky: Schema.String, at: Schema.DateTimeUtc }),
  failure: Schema.TaggedStruct("CityUnknown", { city: Schema.String })
})

const weather = Toolkit.make(GetWeather)
const weatherLayer = weather.toLayer({
  get_weather: ({ city }) =>
    city === "Atlantis"
      ? Effect.fail({ _tag: "CityUnknown" as const, city })
      : Effect.succeed({ sky: "rain", at: DateTime.makeUnsafe(0) })
})

/** A set of one tool that takes anything and does what it is told. */
const doing = <E = never>(
  run: (params: unknown) => Effect.Effect<unknown, E>,
  annotations: Context.Context<never> = Context.empty(),
  name = "work"
): Effect.Effect<Tools.Set> => {
  const kit = Toolkit.make(
    Tool.dynamic(name, { parameters: { type: "object" }, success: Schema.Unknown }).annotateMerge(annotations)
  )
  // Handlers may fail with what they do not declare: JavaScript does not check.
  const handlers = kit.toLayer({ [name]: run } as never)
  return Effect.orDie(Tools.resolve(kit)).pipe(Effect.provide(handlers as Layer.Layer<Tool.Handler<string>>))
}

const call = (params: unknown, name = "work", id = "call-1"): Tools.Call => ({ id, name, params })

const resolved = Effect.orDie(Tools.resolve(weather)).pipe(Effect.provide(weatherLayer))

/** Runs with the log lines that were written. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ cause, message }) => void lines.push(`${String(message)} ${Cause.pretty(cause)}`))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), (value) => ({ value, lines }))
  })

describe("resolve", () => {
  class Session extends Context.Service<Session, { readonly name: string }>()("effect-voice/test/Tools.test/Session") {}
  const WhoAmI = Tool.make("who_am_i", { success: Schema.String, dependencies: [Session] })
  const session = Toolkit.make(WhoAmI)
  const sessionLayer = session.toLayer({ who_am_i: () => Session.useSync((session) => session.name) })

  it.effect("lists the tools of several toolkits in order", () =>
    Effect.gen(function*() {
      const set = yield* Tools.resolve([weather, session])
      assert.deepStrictEqual(Tools.list(set).map((tool) => tool.name), ["get_weather", "who_am_i"])
    }).pipe(Effect.provide([weatherLayer, sessionLayer])))

  it.effect("asks the caller for what a tool depends on", () =>
    Effect.gen(function*() {
      const set: Tools.Set<Session> = yield* Tools.resolve(session)
      const ask = Tools.execute(set, call({}, "who_am_i"))
      const ann = yield* Effect.provideService(ask, Session, { name: "Ann" })
      const bob = yield* Effect.provideService(ask, Session, { name: "Bob" })
      assert.deepStrictEqual([ann.output, bob.output], ["Ann", "Bob"])
    }).pipe(Effect.provide(sessionLayer)))

  it.effect("gives a handler the services that its layer had", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.make("name", { success: Schema.String }))
      const layer = kit.toLayer(Effect.map(Session, (session) => ({ name: () => Effect.succeed(session.name) }))).pipe(
        Layer.provide(Layer.succeed(Session, { name: "Layer" }))
      )
      const set = yield* Effect.provide(Tools.resolve(kit), layer)
      assert.strictEqual((yield* Tools.execute(set, call({}, "name"))).output, "Layer")
    }))

  it.effect("gives a handler the references of its layer, unless the caller has their own", () =>
    Effect.gen(function*() {
      const Language = Context.Reference<string>("effect-voice/test/Tools.test/Language", {
        defaultValue: () => "none"
      })
      const kit = Toolkit.make(Tool.make("language", { success: Schema.String }))
      const layer = kit.toLayer({
        language: Effect.fnUntraced(function*() {
          return yield* Language
        })
      })
      const set = yield* Effect.provide(Tools.resolve(kit), Layer.provide(layer, Layer.succeed(Language, "layer")))
      const ask = Effect.map(Tools.execute(set, call({}, "language")), (output) => output.output)
      assert.strictEqual(yield* ask, "layer")
      assert.strictEqual(yield* Effect.provideService(ask, Language, "caller"), "caller")
    }))

  it.effect("fails on two tools of one name, and names it", () =>
    Effect.gen(function*() {
      const other = Toolkit.make(Tool.make("get_weather", { success: Schema.String }))
      const layer = other.toLayer({ get_weather: () => Effect.succeed("sun") })
      const set = yield* resolved
      for (const attempt of [Tools.add(set, other), Tools.resolve([other, other])]) {
        const error = yield* Effect.flip(Effect.provide(attempt, layer))
        assert.strictEqual(error.reason._tag === "DuplicateTool" ? error.reason.tool : undefined, "get_weather")
        assert.include(error.message, "get_weather")
      }
      const replaced = yield* Effect.provide(Tools.replace(set, other), layer)
      assert.strictEqual((yield* Tools.execute(replaced, call({}, "get_weather"))).output, "sun")
      assert.strictEqual((yield* Tools.execute(set, call({ city: "Oslo" }, "get_weather"))).isFailure, false)
    }))

  it.effect("adds and removes without touching the set there was", () =>
    Effect.gen(function*() {
      const set = yield* resolved
      const more = yield* Effect.provide(Tools.add(set, session), sessionLayer)
      assert.strictEqual(Tools.list(more).length, 2)
      assert.deepStrictEqual(Tools.list(Tools.remove(more, "get_weather")).map((tool) => tool.name), ["who_am_i"])
      assert.deepStrictEqual(Tools.list(set).map((tool) => tool.name), ["get_weather"])
      assert.deepStrictEqual(Tools.list(Tools.empty), [])
    }))

  it.effect("reads annotations", () =>
    Effect.gen(function*() {
      const set = yield* doing(() => Effect.void, Context.make(Tool.Readonly, true))
      assert.isTrue(Tools.annotation(set, "work", Tool.Readonly))
      assert.isFalse(Tools.annotation(set, "nobody", Tool.Readonly))
    }))
})

describe("execute", () => {
  it.effect.each<readonly [unknown, unknown]>([
    [null, {}],
    [undefined, {}],
    ["", {}],
    ["  ", {}],
    ["null", {}],
    [{}, {}],
    [{ a: 1 }, { a: 1 }],
    ["{\"a\": [1, null]}", { a: [1, null] }],
    ["{\"arg1\": \"hi\", \"optArg2\": \"yo\"", { arg1: "hi", optArg2: "yo" }],
    ["{arg1: 'hi'}", { arg1: "hi" }],
    ["```json\n{\"a\": 1}\n```", { a: 1 }],
    [JSON.stringify(JSON.stringify({ a: 1 })), { a: 1 }],
    [JSON.stringify("{a: 1"), { a: 1 }],
    ["Here you go: {\"a\": \"}{\\\"\"} Thanks!", { a: "}{\"" }],
    ["<tool_call>{\"a\": {\"b\": 1}}</tool_call>", { a: { b: 1 } }],
    ["{} {\"a\": 1}", { a: 1 }],
    ["{\"a\": 1}\n{\"a\": 1}", { a: 1 }],
    ["\"a\": 1, \"b\": [2]", { a: 1, b: [2] }],
    ["{\"a\": 12345678901234567890, \"b\": -1e20, \"c\": 1234567890123456}", {
      a: "12345678901234567890",
      b: -1e20,
      c: 1234567890123456
    }]
  ])("params %j", ([params, expected]) =>
    Effect.gen(function*() {
      const set = yield* doing(Effect.succeed)
      assert.deepStrictEqual(yield* Tools.execute(set, call(params)), {
        callId: "call-1",
        name: "work",
        params: expected as Schema.Json,
        output: expected as Schema.Json,
        isFailure: false
      })
    }))

  it.effect.each<readonly [string, Record<string, unknown>]>([
    ["{time: 10:30}", { time: "10:30" }],
    ["{\"time\": 10:30, \"party\": 4}", { time: "10:30", party: 4 }],
    ["{\"at\": 10:30 PM, \"day\": 2024-05-01, \"z\": 2024-05-01T10:30:00Z}", {
      at: "10:30 PM",
      day: "2024-05-01",
      z: "2024-05-01T10:30:00Z"
    }],
    ["{\"times\": [10:30, 11:00 AM], \"n\": [1, 2]}", { times: ["10:30", "11:00 AM"], n: [1, 2] }],
    ["{city: New York, note: a \"large\" room}", { city: "New York", note: "a \"large\" room" }],
    ["{\"address\": 5 Main St., Apt 3, \"zip\": 02139}", { address: "5 Main St., Apt 3", zip: "02139" }],
    ["{\"phone\": +49 30 123, \"price\": 5,50}", { phone: "+49 30 123", price: "5,50" }],
    ["{\"url\": https://a.io/x?y=1, \"mail\": me@x.org}", { url: "https://a.io/x?y=1", mail: "me@x.org" }],
    ["{\n  time: 10:30\n  city: Köln\n}", { time: "10:30", city: "Köln" }],
    ["{\"a\": {\"at\": 9:15}, \"b\": True, \"c\": .5, \"d\": 1e2}", { a: { at: "9:15" }, b: true, c: 0.5, d: 100 }],
    ["city: Paris", { city: "Paris" }],
    ["name: John, time: 9:15", { name: "John", time: "9:15" }],
    ["{\"at\": 10:30", { at: "10:30" }],
    ["{\"a\": x \"b\": 2}", { a: "x", b: 2 }],
    ["{“time”: “10:30”}", { time: "10:30" }],
    ["{\"text\": \"say: {x}, y\", \"t\": 9:15}", { text: "say: {x}, y", t: "9:15" }]
  ])("bare values of %s are texts", ([params, expected]) =>
    Effect.gen(function*() {
      const set = yield* doing(Effect.succeed)
      const output = yield* Tools.execute(set, call(params))
      assert.deepStrictEqual([output.isFailure, output.params], [false, expected as Schema.Json])
    }))

  it.effect.each<readonly [unknown, string]>([
    [[1, 2, 3], "array"],
    ["[1,2,3]", "array"],
    ["just a string", "string"],
    ["\"just a string\"", "string"],
    ["}{", "string"],
    ["{\"a\": 1}{\"a\": 2}", "string"],
    [7, "number"],
    [true, "boolean"]
  ])("params %j are no object", ([params, found]) =>
    Effect.gen(function*() {
      const set = yield* doing(() => Effect.die("ran"))
      const output = yield* Tools.execute(set, call(params))
      assert.isTrue(output.isFailure)
      assert.deepStrictEqual(output.params, {})
      assert.strictEqual(output.output, `Invalid parameters for tool work: expected object, got ${found}`)
      assert.strictEqual(output.message, output.output)
    }))

  const Booking = Tool.make("book", {
    parameters: Schema.Struct({
      room: Schema.String,
      nights: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
      guest: Schema.optionalKey(Schema.String),
      note: Schema.NullOr(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed("none"))),
      extras: Schema.optional(
        Schema.Array(Schema.Struct({ name: Schema.String, count: Schema.optionalKey(Schema.Int) }))
      )
    }),
    success: Schema.Unknown
  })
  const booking = Toolkit.make(Booking)
  it.effect.each<readonly [string, unknown, unknown]>([
    ["null for a default", { room: "a", nights: null }, { room: "a", nights: 1, note: "none" }],
    ["null for an optional one", { room: "a", guest: null }, { room: "a", nights: 1, note: "none" }],
    [
      "null within a list",
      { room: "a", extras: [{ name: "cot", count: null }] },
      { room: "a", nights: 1, note: "none", extras: [{ name: "cot" }] }
    ],
    ["null where that is meant, beside another", { room: "a", note: null, nights: null }, {
      room: "a",
      nights: 1,
      note: null
    }],
    ["a list that is a text", { room: "a", extras: "[{\"name\":\"cot\"}]" }, {
      room: "a",
      nights: 1,
      note: "none",
      extras: [{ name: "cot" }]
    }],
    ["a text that looks like a list where a text is meant", { room: "[1]" }, { room: "[1]", nights: 1, note: "none" }]
  ])("takes what models write for what they mean: %s", ([, params, expected]) =>
    Effect.gen(function*() {
      const set = yield* Effect.provide(
        Tools.resolve(booking),
        booking.toLayer({ book: (decoded) => Effect.succeed(decoded) })
      )
      const output = yield* Tools.execute(set, call(params, "book"))
      assert.deepStrictEqual(output.output, expected as Schema.Json)
      assert.deepStrictEqual(output.params, params as Schema.Json)
      const wrong = yield* Tools.execute(set, call({ ...(params as object), room: null }, "book"))
      assert.include(String(wrong.output), "Invalid parameters for tool book: room")
    }))

  const nested = (depth: number): unknown => Array.from({ length: depth }).reduce((inner) => ({ inner }), 1)
  it.effect.each([200, 20_000])(
    "refuses parameters and results that are nested %d deep, and says so",
    (depth) =>
      Effect.gen(function*() {
        const deep = nested(depth)
        const given = yield* Tools.execute(yield* doing(() => Effect.die("ran")), call(deep))
        assert.include(String(given.output), "nested more than 100 deep")
        const written = "{\"a\":".repeat(depth) + "1" + "}".repeat(depth)
        const read = yield* Tools.execute(yield* doing(() => Effect.die("ran")), call(written))
        assert.isTrue(read.isFailure)
        const got = yield* Tools.execute(yield* doing(() => Effect.succeed(deep)), call({}))
        assert.isTrue(got.isFailure)
        assert.include(String(got.output), "nested more than 100 deep")
      })
  )

  it.effect("encodes the result by the success schema", () =>
    Effect.gen(function*() {
      const output = yield* Tools.execute(yield* resolved, call("{\"city\":\"Oslo\"}", "get_weather"))
      assert.deepStrictEqual(output.output, { sky: "rain", at: "1970-01-01T00:00:00.000Z" })
    }))

  it.effect("encodes a declared failure", () =>
    Effect.gen(function*() {
      const output = yield* Tools.execute(yield* resolved, call({ city: "Atlantis" }, "get_weather"))
      assert.deepStrictEqual(output, {
        callId: "call-1",
        name: "get_weather",
        params: { city: "Atlantis" },
        output: { _tag: "CityUnknown", city: "Atlantis" },
        isFailure: true
      })
    }))

  it.effect("names an unknown tool and those there are", () =>
    Effect.gen(function*() {
      const output = yield* Tools.execute(yield* resolved, call({}, "get_wether"))
      assert.isTrue(output.isFailure)
      assert.strictEqual(output.output, "There is no tool named get_wether. The tools are: get_weather.")
      const none = yield* Tools.execute(Tools.empty, call({}, "constructor"))
      assert.strictEqual(none.output, "There is no tool named constructor. There are no tools.")
    }))

  it.effect.each<readonly [unknown, string]>([
    [{}, "city is missing"],
    [{ city: 7, days: "two" }, "city: Expected string; days: Expected number"]
  ])("names the tool and the fields of %j", ([params, fields]) =>
    Effect.gen(function*() {
      const output = yield* Tools.execute(yield* resolved, call(params, "get_weather"))
      assert.strictEqual(output.output, `Invalid parameters for tool get_weather: ${fields}`)
      assert.deepStrictEqual(output.params, params as Schema.Json)
    }))

  const parameters = {
    type: "object",
    properties: { query: { type: "string" }, limit: { type: "integer" } },
    required: ["query"]
  }
  it.effect.each<readonly [string, object, unknown, string | undefined]>([
    ["a missing field", parameters, {}, "query is missing"],
    ["a wrong type", parameters, { query: "x", limit: "three" }, "limit: Expected number"],
    ["all of it", parameters, { query: "x", limit: 3 }, undefined],
    ["draft 07", { ...parameters, $schema: "http://json-schema.org/draft-07/schema#" }, {}, "query is missing"],
    [
      "what cannot be translated, a missing field",
      { ...parameters, dependentRequired: { limit: ["query"] } },
      {},
      "query is missing"
    ],
    ["what cannot be translated", { ...parameters, dependentRequired: { limit: ["query"] } }, { query: "x" }, undefined]
  ])("checks plain JSON Schema: %s", ([, parameters, params, fields]) =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.dynamic("search", { parameters: parameters as Record<string, unknown> }))
      const set = yield* Effect.provide(Tools.resolve(kit), kit.toLayer({ search: (params) => Effect.succeed(params) }))
      const output = yield* Tools.execute(set, call(params, "search"))
      assert.deepStrictEqual(
        output.output,
        fields === undefined ? params as Schema.Json : `Invalid parameters for tool search: ${fields}`
      )
    }))

  it.effect.each<readonly [params: object, expected: Schema.Json]>([
    [{}, { limit: 5, where: { floor: 1 } }],
    [{ limit: null, where: {} }, { limit: 5, where: { floor: 1 } }],
    [{ limit: 2, where: { floor: 2 }, more: 1 }, { limit: 2, where: { floor: 2 }, more: 1 }]
  ])("takes what a plain JSON Schema says for what is left out: %j", ([params, expected]) =>
    Effect.gen(function*() {
      const where = { type: "object", properties: { floor: { type: "integer", default: 1 } }, default: { floor: 1 } }
      const set = Tools.functions({
        search: {
          parameters: { type: "object", properties: { limit: { type: "integer", default: 5 }, where } },
          run: (params) => params
        }
      })
      assert.deepStrictEqual((yield* Tools.execute(set, call(params, "search"))).output, expected)
    }))

  it.effect("masks what went wrong inside, and logs it without the parameters", () =>
    Effect.gen(function*() {
      const breaks: ReadonlyArray<(params: unknown) => Effect.Effect<unknown, unknown>> = [
        () => Effect.die(new Error("kaboom: secret")),
        () => Effect.fail("kaboom: secret"),
        () => {
          throw new Error("kaboom: secret")
        }
      ]
      for (const run of breaks) {
        const set = yield* doing(run)
        const { lines, value } = yield* logged(Tools.execute(set, call({ pin: "4711" })))
        assert.strictEqual(value.output, "An internal error occurred")
        assert.isTrue(value.isFailure)
        assert.strictEqual(lines.length, 1)
        assert.include(lines[0]!, "Tool work")
        assert.include(lines[0]!, "kaboom: secret")
        assert.notInclude(lines[0]!, "4711")
      }
    }))

  it.effect("masks a defect that looks like a declared failure", () =>
    Effect.gen(function*() {
      const layer = weather.toLayer({ get_weather: ({ city }) => Effect.die({ _tag: "CityUnknown", city }) })
      const set = yield* Effect.provide(Tools.resolve(weather), layer)
      const { value } = yield* logged(Tools.execute(set, call({ city: "Oslo" }, "get_weather")))
      assert.strictEqual(value.output, "An internal error occurred")
    }))

  it.effect("masks a result that its schema does not allow, and logs only the field", () =>
    Effect.gen(function*() {
      const layer = weather.toLayer({ get_weather: () => Effect.succeed({ sky: 4711 } as never) })
      const set = yield* Effect.provide(Tools.resolve(weather), layer)
      const { lines, value } = yield* logged(Tools.execute(set, call({ city: "Oslo" }, "get_weather")))
      assert.strictEqual(value.output, "An internal error occurred")
      assert.include(lines[0]!, "sky: Expected string")
      assert.notInclude(lines[0]!, "4711")
    }))

  it.effect("says why a result cannot be written as JSON, whatever its schema allows", () =>
    Effect.gen(function*() {
      const cycle: { me?: unknown } = {}
      cycle.me = cycle
      const schemas = [
        Schema.Unknown,
        Schema.Any,
        Schema.Struct({ cents: Schema.Unknown }),
        Schema.Struct({ cents: Schema.Any })
      ]
      for (const success of schemas) {
        for (const [cents, why] of [[9007199254740993n, "it holds a BigInt"], [cycle, "it holds itself"]] as const) {
          const kit = Toolkit.make(Tool.make("work", { success }))
          const layer = kit.toLayer({ work: () => Effect.succeed({ cents }) })
          const set = yield* Effect.provide(Tools.resolve(kit), layer)
          const { lines, value } = yield* logged(Tools.execute(set, call({})))
          assert.isTrue(value.isFailure)
          assert.include(String(value.output), `Tool work gave a result that cannot be written as JSON: ${why}`)
          assert.strictEqual(value.message, value.output)
          assert.strictEqual(lines.length, 1)
          assert.notInclude(lines[0]!, "9007199254740993")
        }
      }
      const allowed = Toolkit.make(Tool.make("work", { success: Schema.Struct({ cents: Schema.BigInt }) }))
      const layer = allowed.toLayer({ work: () => Effect.succeed({ cents: 9007199254740993n }) })
      const set = yield* Effect.provide(Tools.resolve(allowed), layer)
      assert.deepStrictEqual((yield* Tools.execute(set, call({}))).output, { cents: "9007199254740993" })
    }))

  class Room {
    readonly number = 7
    readonly free = () => true
  }
  const coded = Object.assign(new Error("secret"), { code: 7 })
  const hidden = {
    get pin() {
      throw new Error("4711")
    }
  }
  const revocable = Proxy.revocable({}, {})
  const revoked = revocable.proxy
  revocable.revoke()
  it.effect.each<readonly [string, unknown, string]>([
    ["a function", () => "secret", "a function"],
    ["a symbol", { at: Symbol("secret") }, "a symbol"],
    ["a Map", new Map([["secret", 1]]), "a value of the kind Map"],
    ["a Set, somewhere within", { rooms: [{ taken: new Set(["secret"]) }] }, "a value of the kind Set"],
    ["a promise that nobody has waited for", { room: Promise.resolve("secret") }, "a value of the kind Promise"],
    ["an error", { cause: new Error("secret") }, "a value of the kind Error"],
    ["a generator", (function*() {})(), "a value of the kind Generator"],
    ["an answer that nobody has read", new Response("secret"), "a value of the kind Response"],
    ["fields of a request", { headers: new Headers({ secret: "1" }) }, "a value of the kind Headers"],
    ["a form", new URLSearchParams("secret=1"), "a value of the kind URLSearchParams"],
    ["an iterator", ["secret"].values(), "a value of the kind Array Iterator"],
    ["bytes", new Uint8Array(3), "bytes"],
    ["a number that is none", { price: 0 / 0 }, "a number that is none (NaN)"],
    ["a number without end", [1 / 0], "a number that is none (Infinity)"],
    ["a date that is none", { at: Reflect.construct(globalThis.Date, [Number.NaN]) }, "a date that is none"],
    ["what throws when it is read", hidden, "JSON has no word for"],
    ["a Proxy that is no more", revoked, "JSON has no word for"]
  ])("says that JSON would lose something of a result: %s", ([, result, why]) =>
    Effect.gen(function*() {
      const { lines, value } = yield* logged(Tools.execute(yield* doing(() => Effect.succeed(result)), call({})))
      assert.isTrue(value.isFailure)
      assert.include(String(value.output), `cannot be written as JSON: it holds `)
      assert.include(String(value.output), why)
      assert.notInclude(String(value.output) + lines.join(), "secret")
      assert.notInclude(String(value.output) + lines.join(), "4711")
    }))

  it.effect.each<readonly [string, unknown, unknown]>([
    ["nothing", undefined, null],
    ["nothing within", { a: undefined, b: [undefined] }, { b: [null] }],
    ["a date", DateTime.toDateUtc(DateTime.makeUnsafe(0)), "1970-01-01T00:00:00.000Z"],
    ["an address", new URL("https://example.com/a"), "https://example.com/a"],
    ["an object with methods", new Room(), { number: 7 }],
    ["an error with fields", coded, { code: 7 }],
    ["an option", Option.some(7), { _id: "Option", _tag: "Some", value: 7 }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }]
  ])("takes a result as JSON has it: %s", ([, result, expected]) =>
    Effect.gen(function*() {
      const output = yield* Tools.execute(yield* doing(() => Effect.succeed(result)), call({}))
      assert.deepStrictEqual([output.output, output.isFailure], [expected as Schema.Json, false])
    }))

  // Each would hold everybody up for a second and more, or fill the memory.
  const nothings = Array.from<undefined>({ length: 0 })
  nothings.length = 2 ** 32 - 1
  it.effect.each<readonly [string, unknown, string]>([
    ["an array of nothing", nothings, "more than 262144 values"],
    ["one that is somewhere within", { rooms: [nothings] }, "more than 262144 values"],
    ["a form of JSON that is one", { toJSON: () => nothings }, "more than 262144 values"],
    ["values without end", Array.from({ length: 300_000 }, (_, i) => ({ i })), "more than 262144 values"],
    ["texts without end", Array.from({ length: 50 }, () => "secret".repeat(20_000)), "more than 4194304 characters"],
    ["a hundred million bytes", new Uint8Array(100_000_000), "it holds bytes"]
  ])("refuses a result that is too large to be looked at: %s", ([, result, why]) =>
    Effect.gen(function*() {
      const Declared = Toolkit.make(Tool.make("declared", { success: Schema.Json }))
      const declared = Effect.provide(
        Effect.orDie(Tools.resolve(Declared)),
        Declared.toLayer({ declared: () => Effect.succeed(result as never) })
      )
      for (const set of [yield* doing(() => Effect.succeed(result)), yield* declared]) {
        const { lines, value } = yield* logged(Tools.execute(set, call({}, Tools.list(set)[0]!.name)))
        assert.isTrue(value.isFailure)
        if (Tools.list(set)[0]!.name === "work") assert.include(String(value.output), why)
        assert.notInclude(String(value.output) + lines.join(), "secret")
      }
    }))

  it.effect("tells results before the result, but none without end, and none that is too long", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const set = Tools.functions({
        work: {
          run: async (_, { progress }) => {
            await progress("x".repeat(70_000))
            for (let i = 0; i < 3000; i++) await progress(i)
            return "done"
          }
        }
      })
      const { lines, value } = yield* logged(
        Tools.execute(set, call({}), { onPreliminary: (_, result) => Effect.sync(() => void told.push(result)) })
      )
      assert.strictEqual(value.output, "done")
      assert.deepStrictEqual(told, Array.from({ length: 999 }, (_, i) => i))
      assert.strictEqual(lines.filter((line) => line.includes("cannot be told")).length, 1)
      assert.strictEqual(lines.filter((line) => line.includes("further ones are not told")).length, 1)
    }))

  it.effect.each<readonly [string, Effect.Effect<unknown, unknown>, string]>([
    ["text", Effect.succeed("x".repeat(1_000_000)), "xxx"],
    ["text of pairs of code units", Effect.succeed("🏨".repeat(500_000)), "🏨🏨"],
    ["an object", Effect.succeed({ rooms: Array.from({ length: 200_000 }, (_, i) => i) }), "{\"rooms\":[0,1,2"],
    ["a failure", Effect.fail(new Tools.ToolError({ message: "x".repeat(1_000_000) })), "xxx"]
  ])("cuts an output that is too long, and says so: %s", ([, result, begins]) =>
    Effect.gen(function*() {
      const output = yield* Tools.execute(yield* doing(() => result), call({}))
      const text = String(output.output)
      assert.isAtMost(text.length, 65_536)
      assert.isAbove(text.length, 65_000)
      assert.isTrue(text.startsWith(begins))
      assert.match(text, / \[cut here: the whole result has \d{7} characters\]$/)
      assert.isTrue(text.isWellFormed())
      if (output.isFailure) assert.strictEqual(output.message, text)
    }))

  it.effect("leaves an output alone that is just short enough", () =>
    Effect.gen(function*() {
      const text = "x".repeat(65_536)
      assert.strictEqual((yield* Tools.execute(yield* doing(() => Effect.succeed(text)), call({}))).output, text)
    }))

  it.effect.each<readonly [string, unknown, string]>([
    ["broken", `{"a": "${"\"x".repeat(60_000)}`, "more than 65536"],
    ["broken, and short enough for whole ones", `{"a": "${"\"x".repeat(10_000)}`, "they are no JSON"],
    ["whole", JSON.stringify({ a: "x".repeat(120_000) }), "more than 65536"],
    ["whole, and no text", { a: "x".repeat(120_000) }, "more than 65536"]
  ])("refuses parameters that are too long, and keeps none of them: %s", ([, params, why]) =>
    Effect.gen(function*() {
      const set = yield* doing(() => Effect.die("ran"))
      const output = yield* Tools.execute(set, call(params))
      assert.isTrue(output.isFailure)
      assert.deepStrictEqual(output.params, {})
      assert.include(String(output.output), "Invalid parameters for tool work: they")
      assert.include(String(output.output), why)
    }))

  it.effect("a ToolError speaks for itself, failed, thrown or declared", () =>
    Effect.gen(function*() {
      const error = new Tools.ToolError({ message: "The hotel is full" })
      const declared = Toolkit.make(Tool.make("work", { failure: Tools.ToolError }))
      const sets = [
        yield* doing(() => Effect.fail(error)),
        yield* doing(() => Effect.die(error)),
        yield* doing(() => {
          throw error
        }),
        yield* Effect.provide(Tools.resolve(declared), declared.toLayer({ work: () => Effect.fail(error) }))
      ]
      for (const set of sets) {
        const { lines, value } = yield* logged(Tools.execute(set, call({})))
        assert.deepStrictEqual([value.output, value.message, value.isFailure], [
          "The hotel is full",
          "The hotel is full",
          true
        ])
        assert.deepStrictEqual(lines, [])
      }
    }))

  it.effect("gives up on a handler after the timeout, and interrupts it", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const set = yield* doing(() => Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined)))
      const fiber = yield* Effect.forkChild(Tools.execute(set, call({}), { timeout: "5 seconds" }))
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).output, "Tool work did not finish within 5000 ms")
      yield* Deferred.await(ended)
    }))

  it.effect("ends with its fiber, silently", () =>
    Effect.gen(function*() {
      const set = yield* doing(() => Effect.never)
      const { lines, value } = yield* logged(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Tools.execute(set, call({})), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
        return yield* Fiber.await(fiber)
      }))
      assert.isTrue(Exit.hasInterrupts(value))
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("does not run what needs an approval, nor what the provider runs", () =>
    Effect.gen(function*() {
      const Pay = Tool.make("pay", {
        parameters: Schema.Struct({ amount: Schema.Finite }),
        needsApproval: ({ amount }) => amount > 100
      })
      const Search = Tool.providerDefined({
        id: "openai.web_search",
        customName: "search",
        providerName: "web_search"
      })()
      const kit = Toolkit.make(Pay, Search)
      const set = yield* Effect.provide(Tools.resolve(kit), kit.toLayer({ pay: () => Effect.void }))
      assert.strictEqual((yield* Tools.execute(set, call({ amount: 10 }, "pay"))).output, null)
      assert.include((yield* Tools.execute(set, call({ amount: 101 }, "pay"))).output, "needs an approval")
      assert.include((yield* Tools.execute(set, call({}, "search"))).output, "run by the provider")
    }))

  it.effect("ignores what a model makes up for a tool without parameters", () =>
    Effect.gen(function*() {
      const kit = Toolkit.make(Tool.make("hang_up"))
      const set = yield* Effect.provide(Tools.resolve(kit), kit.toLayer({ hang_up: () => Effect.void }))
      assert.isFalse((yield* Tools.execute(set, call({ reason: "bye" }, "hang_up"))).isFailure)
    }))
})

describe("Runner", () => {
  /** A tool whose calls end when the test says so. */
  const gated = Effect.fnUntraced(function*(...annotations: ReadonlyArray<Context.Context<never>>) {
    const gates = new Map<string, Deferred.Deferred<unknown, Error>>()
    const started: Array<string> = []
    const gate = (key: string) => {
      const known = gates.get(key) ?? Deferred.makeUnsafe<unknown, Error>()
      gates.set(key, known)
      return known
    }
    const set = yield* doing((params) => {
      const { key } = params as { readonly key: string }
      started.push(key)
      return Deferred.await(gate(key))
    }, Context.mergeAll(...annotations))
    const recorded: Array<Tools.Output> = []
    const scope = yield* Scope.make()
    const runner = yield* Tools.makeRunner({
      onOutput: (output) => Effect.sync(() => void recorded.push(output))
    }).pipe(Scope.provide(scope))
    return {
      runner,
      set,
      started,
      recorded,
      texts: () => recorded.map((output) => `${output.callId} ${String(output.output)}`),
      close: Scope.close(scope, Exit.void),
      fail: (key: string) => Effect.andThen(Deferred.fail(gate(key), new Error("broken")), Effect.yieldNow),
      open: (key: string) => Effect.andThen(Deferred.succeed(gate(key), `done ${key}`), Effect.yieldNow)
    }
  })

  const work = (id: string): Tools.Call => call({ key: id }, "work", id)

  it.effect("runs calls side by side and gives outputs in call order", () =>
    Effect.gen(function*() {
      const { open, recorded, runner, set, started } = yield* gated()
      const fiber = yield* Effect.forkChild(runner.run(set, [work("a"), work("b"), call({}, "nobody", "c")]), {
        startImmediately: true
      })
      assert.deepStrictEqual(started, ["a", "b"])
      assert.deepStrictEqual(yield* Effect.map(runner.running, (calls) => calls.map((call) => call.id)), ["a", "b"])
      yield* open("b")
      yield* open("a")
      const outputs = yield* Fiber.join(fiber)
      assert.deepStrictEqual(outputs.map((output) => output.callId), ["a", "b", "c"])
      assert.deepStrictEqual(recorded.map((output) => output.callId), ["c", "b", "a"])
      assert.deepStrictEqual(yield* runner.running, [])
    }))

  it.effect("a call goes on when whoever waits is interrupted, and is recorded", () =>
    Effect.gen(function*() {
      const { open, runner, set, texts } = yield* gated()
      const fiber = yield* Effect.forkChild(runner.run(set, [work("a"), work("b")]), { startImmediately: true })
      yield* open("a")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* runner.cancel, [])
      assert.deepStrictEqual(texts(), ["a done a"])
      yield* open("b")
      assert.deepStrictEqual(texts(), ["a done a", "b done b"])
    }))

  it.effect("a cancellable call is cancelled, and its output says so", () =>
    Effect.gen(function*() {
      const { open, runner, set, texts } = yield* gated(Tools.voice({ onInterruption: "cancel" }))
      const { lines, value } = yield* logged(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(runner.run(set, [work("a"), work("b")]), { startImmediately: true })
        yield* open("a")
        assert.deepStrictEqual(yield* runner.cancel, ["b"])
        assert.deepStrictEqual(yield* runner.cancel, [])
        return yield* Fiber.join(fiber)
      }))
      assert.deepStrictEqual(value.map((output) => output.isFailure), [false, true])
      assert.deepStrictEqual(texts(), ["a done a", "b Tool work was cancelled: the user interrupted"])
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("cancels a tool that cancels before it first waits", () =>
    Effect.gen(function*() {
      let cancelled: ReadonlyArray<string> = []
      const runner = yield* Tools.makeRunner()
      const set = yield* doing(() =>
        Effect.andThen(
          Effect.tap(runner.cancel, (ids) => Effect.sync(() => void (cancelled = ids))),
          Effect.never
        ), Tools.voice({ onInterruption: "cancel" }))
      const outputs = yield* runner.run(set, [work("a")])
      assert.deepStrictEqual(cancelled, ["a"])
      assert.strictEqual(outputs[0]!.output, "Tool work was cancelled: the user interrupted")
    }))

  it.effect("rejects a second call, and lets the first go on", () =>
    Effect.gen(function*() {
      const { open, runner, set, started, texts } = yield* gated(Tools.voice({ duplicate: "reject" }))
      const fiber = yield* Effect.forkChild(runner.run(set, [work("a"), work("b")]), { startImmediately: true })
      yield* open("a")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map((output) => output.isFailure), [false, true])
      assert.deepStrictEqual(texts(), ["b Tool work is already running: wait for its result", "a done a"])
      assert.deepStrictEqual(started, ["a"])
      const next = yield* Effect.forkChild(runner.run(set, [work("c")]), { startImmediately: true })
      yield* open("c")
      assert.isFalse((yield* Fiber.join(next))[0]!.isFailure)
    }))

  it.effect("replaces the first call, after it has ended", () =>
    Effect.gen(function*() {
      const { open, runner, set, started, texts } = yield* gated(Tools.voice({ duplicate: "replace" }))
      const first = yield* Effect.forkChild(runner.run(set, [work("a")]), { startImmediately: true })
      const second = yield* Effect.forkChild(runner.run(set, [work("b")]), { startImmediately: true })
      yield* open("b")
      yield* Fiber.join(first)
      assert.isFalse((yield* Fiber.join(second))[0]!.isFailure)
      assert.deepStrictEqual(started, ["a", "b"])
      assert.deepStrictEqual(texts(), ["a Tool work was cancelled: a newer call replaced it", "b done b"])
    }))

  it.effect("starts the newer call when the finalizers of the older one have run", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const cleaned = yield* Deferred.make<void>()
      const set = yield* doing((params) => {
        const { key } = params as { readonly key: string }
        seen.push(`start ${key}`)
        return Effect.onInterrupt(
          Effect.never,
          () => Effect.andThen(Deferred.await(cleaned), Effect.sync(() => void seen.push(`end ${key}`)))
        )
      }, Tools.voice({ duplicate: "replace" }))
      const runner = yield* Tools.makeRunner()
      yield* Effect.forkChild(runner.run(set, [work("a")]), { startImmediately: true })
      yield* Effect.forkChild(runner.run(set, [work("b")]), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, ["start a"])
      yield* Deferred.succeed(cleaned, undefined)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, ["start a", "end a", "start b"])
    }))

  it.effect("lets both run by default where their parameters differ", () =>
    Effect.gen(function*() {
      const { runner, set, started } = yield* gated()
      yield* Effect.forkChild(runner.run(set, [work("a")]), { startImmediately: true })
      yield* Effect.forkChild(runner.run(set, [work("b")]), { startImmediately: true })
      assert.deepStrictEqual(started, ["a", "b"])
    }))

  it.effect("runs 64 calls of a step, and answers the others", () =>
    Effect.gen(function*() {
      let most = 0
      let now = 0
      let ran = 0
      const set = yield* doing(() =>
        Effect.sync(() => {
          ran += 1
          most = Math.max(most, ++now)
        }).pipe(Effect.andThen(Effect.sleep("1 second")), Effect.andThen(Effect.sync(() => void now--)))
      )
      const recorded: Array<string> = []
      const runner = yield* Tools.makeRunner({
        onOutput: ({ callId }) => Effect.sync(() => void recorded.push(callId))
      })
      const calls = Array.from({ length: 10_000 }, (_, i) => work(`call-${i}`))
      const fiber = yield* Effect.forkChild(runner.run(set, calls), { startImmediately: true })
      const more = yield* Effect.forkChild(runner.run(set, [work("more")]), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const outputs = yield* Fiber.join(fiber)
      assert.deepStrictEqual([ran, most], [64, 64])
      assert.deepStrictEqual(outputs.map(({ callId }) => callId), calls.map(({ id }) => id))
      assert.deepStrictEqual(
        outputs.map(({ isFailure }) => isFailure),
        calls.map((_, i) => i >= 64)
      )
      assert.strictEqual(outputs[64]!.output, "Tool work was not run: at most 64 calls can be made together")
      assert.strictEqual((yield* Fiber.join(more))[0]!.output, "Tool work was not run: 64 calls are running already")
      assert.strictEqual(new Set(recorded).size, 10_001)
      assert.strictEqual(recorded.length, 10_001)
    }))

  it.effect("makes a call once while it runs, whichever way its parameters are written", () =>
    Effect.gen(function*() {
      const { open, runner, set, started, texts } = yield* gated()
      const first = yield* Effect.forkChild(runner.run(set, [call({ key: "a", more: [1, null] }, "work", "a")]), {
        startImmediately: true
      })
      for (
        const params of [
          { more: [1, null], key: "a" },
          "{\"more\":[1,null],\"key\":\"a\"}",
          "{key: 'a', more: [1, null]"
        ]
      ) {
        const [output] = yield* runner.run(set, [call(params, "work", "b")])
        assert.isTrue(output!.isFailure)
        assert.include(output!.message!, "already running")
      }
      assert.deepStrictEqual(started, ["a"])
      yield* open("a")
      assert.strictEqual((yield* Fiber.join(first))[0]!.output, "done a")
      assert.strictEqual(texts().length, 4)
      const again = { key: "a", more: [1, null] }
      const [output] = yield* runner.run(set, [call(again, "work", "after")])
      assert.include(output!.message!, "has already been done")
      assert.deepStrictEqual(started, ["a"])
      yield* runner.run(set, [call({ ...again, confirm: true }, "work", "confirmed")])
      assert.deepStrictEqual(started, ["a", "a"])
    }))

  it.effect("takes a confirmation for the calls alone that the model knew of", () =>
    Effect.gen(function*() {
      const { open, runner, set, started } = yield* gated()
      const again = { key: "a", confirm: true }
      const fork = (id: string, known?: number) =>
        Effect.forkChild(runner.run(set, [call(again, "work", id)], { known }), { startImmediately: true })
      yield* Effect.forkChild(runner.run(set, [work("a")]), { startImmediately: true })
      // A confirmation that nobody has asked for is none.
      const [unasked] = yield* runner.run(set, [call(again, "work", "unasked")], { known: yield* runner.begun })
      assert.include(unasked!.message!, "already running")
      assert.deepStrictEqual(started, ["a"])
      const known = yield* runner.begun
      assert.strictEqual(known, 2)
      // Two replies are asked for; both confirm.
      yield* fork("one", known)
      const [refused] = yield* runner.run(set, [call(again, "work", "other")], { known })
      assert.include(refused!.message!, "already running")
      assert.deepStrictEqual(started, ["a", "a"])
      yield* open("a")
      const [late] = yield* runner.run(set, [call(again, "work", "late")], { known })
      assert.include(late!.message!, "has already been done")
      // Whoever is asked from now on knows of both.
      yield* runner.run(set, [call(again, "work", "next")], { known: yield* runner.begun })
      assert.deepStrictEqual(started, ["a", "a", "a"])
    }))

  it.effect("gives every call its output when the conversation ends, and afterwards", () =>
    Effect.gen(function*() {
      const { close, runner, set, texts } = yield* gated()
      const fiber = yield* Effect.forkChild(runner.run(set, [work("a"), work("b")]), { startImmediately: true })
      yield* close
      assert.strictEqual((yield* Fiber.join(fiber)).length, 2)
      yield* runner.run(set, [work("c")])
      assert.deepStrictEqual(texts(), [
        "a Tool work was cancelled: the conversation is over",
        "b Tool work was cancelled: the conversation is over",
        "c Tool work was not run: the conversation is over"
      ])
    }))

  it.effect("starts every call of a step, even when it is interrupted in the middle of them", () =>
    Effect.gen(function*() {
      const heard: Array<string> = []
      const scope = yield* Scope.make()
      const runner = yield* Tools.makeRunner({
        onOutput: (output) =>
          Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => void heard.push(output.callId)))
      }).pipe(Scope.provide(scope))
      yield* Scope.close(scope, Exit.void)
      const fiber = yield* Effect.forkChild(runner.run(Tools.empty, [work("a"), work("b")]), { startImmediately: true })
      yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(heard, ["a", "b"])
    }))

  it.effect("survives a listener that breaks", () =>
    Effect.gen(function*() {
      const set = yield* doing(() => Effect.succeed("done"))
      const runner = yield* Tools.makeRunner({ onOutput: () => Effect.die("broken") })
      const { lines, value } = yield* logged(runner.run(set, [call({})]))
      assert.strictEqual(value[0]!.output, "done")
      assert.strictEqual(lines.length, 1)
    }))

  const step = Schema.Union([
    Schema.Struct({
      kind: Schema.Literal("run"),
      calls: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
    }),
    Schema.Struct({
      kind: Schema.Literals(["open", "fail", "interrupt"]),
      which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
    }),
    Schema.Struct({ kind: Schema.Literals(["cancel", "close"]) })
  ])

  it.effect.prop("I5: every call has exactly one output, whatever happens", {
    steps: Schema.Array(step),
    cancellable: Schema.Boolean,
    duplicate: Schema.Literals(["confirm", "allow", "reject", "replace"])
  }, ({ cancellable, duplicate, steps }) =>
    Effect.gen(function*() {
      const { close, fail, open, recorded, runner, set } = yield* gated(
        Tools.voice({ duplicate, onInterruption: cancellable ? "cancel" : "finish" } as Tools.VoiceOptions)
      )
      const ids: Array<string> = []
      const waiting: Array<Fiber.Fiber<ReadonlyArray<Tools.Output>>> = []
      for (const step of steps) {
        switch (step.kind) {
          case "run": {
            const calls = Array.from({ length: step.calls }, (_, i) => work(`call-${ids.length + i}`))
            ids.push(...calls.map((call) => call.id))
            waiting.push(yield* Effect.forkChild(runner.run(set, calls), { startImmediately: true }))
            break
          }
          case "open":
            yield* open(`call-${step.which}`)
            break
          case "fail":
            yield* fail(`call-${step.which}`)
            break
          case "interrupt":
            yield* Effect.suspend(() =>
              waiting[step.which] === undefined ? Effect.void : Fiber.interrupt(waiting[step.which]!)
            )
            break
          case "cancel":
            yield* runner.cancel
            break
          case "close":
            yield* close
            break
        }
      }
      yield* close
      assert.deepStrictEqual(recorded.map((output) => output.callId).sort(), ids.sort())
      assert.deepStrictEqual(yield* runner.running, [])
      for (const fiber of waiting) assert.isDefined((yield* Fiber.await(fiber))._tag)
      const history = History.make([
        ...ids.map((id) =>
          History.ToolCall.make({ id: `c-${id}`, callId: id, name: "work", params: {}, createdAt: 0 })
        ),
        ...recorded.map((output, i) =>
          History.ToolOutput.make({
            id: `o-${i}`,
            callId: output.callId,
            name: "work",
            output: output.output,
            isFailure: output.isFailure,
            createdAt: 1
          })
        )
      ])
      const parts = History.toPrompt(history).content.flatMap((message) =>
        message.role === "tool" ? message.content : []
      )
      assert.strictEqual(parts.length, ids.length)
    }), { arbitrary: { runs: 200, size: 20 } })
})
