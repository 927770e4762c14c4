/** What a carrier asks and tells of a call over HTTP, as carriers and those who set them up do. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Layer, Logger, Redacted, type Scope } from "effect"
import { Room, Telephone, Worker } from "effect-voice"
import { request } from "node:http"
import { sign } from "../src/internal/telephone/signature.ts"
import { announce, type Carrier, open, post, streamOf } from "./support/carrier.ts"

const token = Redacted.make("s3cret-of-the-account")

/** A telephone whose calls tell of their job and caller, and go on. */
const telephone = (options: Partial<Telephone.TelephoneOptions> = {}) =>
  Effect.gen(function*() {
    const jobs: Array<{ readonly job: Worker.Job; readonly caller: Room.Participant | undefined }> = []
    const begun = yield* Deferred.make<void>()
    const definition = Worker.define({
      layer: Layer.empty,
      entry: (job) =>
        Effect.gen(function*() {
          const room = yield* Room.Room
          const [caller] = yield* room.participants
          jobs.push({ job, caller })
          yield* Deferred.succeed(begun, undefined)
          return yield* room.ended
        })
    })
    const url = options.url ?? "https://voice.example.com/call"
    const made = yield* Telephone.make(definition, {
      url,
      token,
      port: 0,
      host: "127.0.0.1",
      http: false,
      // However busy this machine is.
      load: () => 0,
      ...options
    })
    const carrier: Carrier = { port: made.port, token, url }
    return { made, carrier, jobs, begun: Deferred.await(begun) }
  })

const incoming = { CallSid: "CA1", AccountSid: "AC1", From: "+15550001111", To: "+15552220000", Direction: "inbound" }

/** A call from its webhook to its stream. */
const call = (
  { begun, carrier, jobs }: Effect.Success<ReturnType<typeof telephone>>,
  form: Readonly<Record<string, string>> = incoming
) =>
  Effect.gen(function*() {
    const { body } = yield* announce(carrier, form)
    const { parameters } = streamOf(body)
    const line = yield* open(carrier)
    line.start(form["CallSid"]!, parameters)
    yield* begun
    return { ...jobs[0]!, body, line }
  })

const live = (sentence: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(sentence, () => Effect.provide(body(), Logger.layer([])))

/** The same for each case of a table. */
const each = <A>(
  cases: ReadonlyArray<readonly [name: string, given: A]>,
  sentence: string,
  body: (given: A) => Effect.Effect<void, unknown, Scope.Scope>
) => {
  for (const [name, given] of cases) live(sentence.replace("%s", name), () => body(given))
}

describe("a number", () => {
  each<string | undefined>(
    [
      ["", ""],
      ["anonymous", "anonymous"],
      ["Anonymous", "Anonymous"],
      ["ANONYMOUS", "+266696687"],
      ["ANONYMOUS, without +", "266696687"],
      ["RESTRICTED", "+7378742833"],
      ["BLOCKED", "+2562533"],
      ["UNKNOWN", "+8656696"],
      ["UNAVAILABLE", "+86282452253"],
      ["Restricted", "Restricted"],
      ["unavailable", " unavailable "],
      ["sip:anonymous@anonymous.invalid", "sip:anonymous@anonymous.invalid"],
      ["sips:Anonymous@10.0.0.1;transport=tls", "sips:Anonymous@10.0.0.1;transport=tls"]
    ],
    "that is withheld is none: %s",
    (From) =>
      Effect.gen(function*() {
        const asked: Array<Telephone.Incoming> = []
        const desk = yield* telephone({
          accept: (call) => {
            asked.push(call)
            return true
          }
        })
        const { caller } = yield* call(desk, { ...incoming, From: From! })
        assert.deepStrictEqual(asked, [{ id: "CA1", from: undefined, to: "+15552220000", direction: "inbound" }])
        assert.notProperty(caller?.attributes, "sip.phoneNumber")
      })
  )

  each(
    [
      "+15550001111",
      "+4930123456",
      "15550001111",
      "sip:alice@example.com",
      "sip:+15550001111@10.0.0.1:5060;user=phone",
      "client:alice",
      "whatsapp:+15550001111",
      "101",
      "+1555000111,,22",
      "+15550001111;ext=22",
      "alice anonymous"
    ].map((number) => [number, number] as const),
    "is told as it is written: %s",
    (From) =>
      Effect.gen(function*() {
        const { caller } = yield* call(yield* telephone(), { ...incoming, From })
        assert.strictEqual(caller?.attributes["sip.phoneNumber"], From)
      })
  )

  each([["outbound-api", "outbound-api"], ["outbound-dial", "outbound-dial"]], "is that of whom is called: %s", (
    Direction
  ) =>
    Effect.gen(function*() {
      const { caller } = yield* call(yield* telephone(), {
        ...incoming,
        From: "+15552220000",
        To: "+15550001111",
        Direction
      })
      assert.strictEqual(caller?.direction, "outbound")
      assert.strictEqual(caller?.attributes["sip.phoneNumber"], "+15550001111")
      assert.strictEqual(caller?.attributes["sip.trunkPhoneNumber"], "+15552220000")
    }))
})

describe("a call of which the carrier says that it is over", () => {
  each(
    ["completed", "busy", "failed", "no-answer", "canceled"].map((status) => [status, status] as const),
    "is no call to be answered, and its place is free: %s",
    (CallStatus) =>
      Effect.gen(function*() {
        let asked = 0
        const { carrier, made } = yield* telephone({
          maxCalls: 1,
          accept: () => {
            asked++
            return true
          }
        })
        assert.include((yield* announce(carrier, { ...incoming, CallStatus: "ringing" })).body, "<Stream ")
        assert.include((yield* announce(carrier, { ...incoming, CallSid: "CA2" })).body, "busy")
        const over = yield* announce(carrier, { ...incoming, CallStatus })
        assert.strictEqual(over.status, 200)
        assert.include(over.body, "<Response></Response>")
        assert.strictEqual(asked, 2)
        assert.strictEqual((yield* made.status).calls, 0)
        assert.include((yield* announce(carrier, { ...incoming, CallSid: "CA2" })).body, "<Stream ")
      })
  )
})

describe("what accept gives", () => {
  each<any>(
    [
      ["null", null],
      ["nothing", undefined],
      ["a text", "yes"],
      ["a number", 1],
      ["no parameters", {}],
      ["a list", []],
      ["null for parameters", { parameters: null }],
      ["a list of parameters", { parameters: ["a"] }],
      ["a number among them", { parameters: { customer: 42 } }],
      ["an object among them", { parameters: { customer: {} } }],
      ["an Effect in a promise", Promise.resolve(Effect.succeed(true))],
      ["an Effect of nonsense", Effect.succeed("yes")]
    ],
    "refuses the call where it is no decision, and the log says what it must be: %s",
    (given) => {
      const lines: Array<string> = []
      const log = Logger.make(({ cause, message }) => void lines.push(`${String(message)} ${Cause.pretty(cause)}`))
      return Effect.gen(function*() {
        const { carrier, made } = yield* telephone({ accept: () => given })
        const { body, status } = yield* announce(carrier, incoming)
        assert.deepStrictEqual([status, /<Reject reason="(\w+)"/.exec(body)?.[1]], [200, "rejected"])
        assert.match(lines.join("\n"), /accept must (not )?give/)
        assert.notInclude(lines.join("\n"), "5550001111")
        assert.strictEqual((yield* made.status).calls, 0)
      }).pipe(Effect.provide(Logger.layer([log])))
    }
  )
})

describe("a parameter", () => {
  each(
    [
      ["quotes and signs of markup", "<\"ä&'>]]>"],
      ["emoji and other planes", "👩‍👩‍👧 𝒳 \u{10ffff}"],
      ["line breaks and tabs", "a\tb\nc\r\nd"],
      ["what no XML has", "a\u0000b\u0007c\ufffed\uffff"],
      ["half a character", "a\ud800b\udc00"],
      ["no letter", ""],
      ["spaces at its ends", "  a  b  "],
      ["entities", "&amp;#10;&lt;"],
      ["more letters than the carrier takes", "x".repeat(2000)],
      ["right to left", "שלום\u202e"]
    ],
    "reaches the job as it was given: %s",
    (value) =>
      Effect.gen(function*() {
        const desk = yield* telephone({ accept: () => ({ parameters: { value, [`name ${value.slice(0, 9)}`]: "x" } }) })
        const { body, job } = yield* call(desk)
        assert.deepStrictEqual(job.attributes, { value, [`name ${value.slice(0, 9)}`]: "x" })
        // The markup itself is one.
        // oxlint-disable-next-line no-control-regex
        assert.notMatch(body, /[\0-\x1f\ufffe\uffff]|\p{Cs}/u)
        assert.match(
          body,
          /^<\?xml [^<>]*\?><Response><Connect><Stream [^<>]*>(<Parameter name="[^"<>]*" value="[^"<>]*"\/>)+<\/Stream><\/Connect><\/Response>$/
        )
      })
  )

  live("of the program goes before one of the carrier's, and the word is nobody's", () =>
    Effect.gen(function*() {
      const desk = yield* telephone({
        accept: () => ({ parameters: { customer: "42", "effect-voice-word": "x", "__proto__": "y" } as any })
      })
      const { job, caller } = yield* call(desk)
      assert.strictEqual(job.attributes["customer"], "42")
      assert.strictEqual(caller?.attributes["sip.callID"], "CA1")
      assert.notInclude(JSON.stringify(job), desk.carrier.url)
    }))
})

describe("a call that is announced twice", () => {
  for (const which of [0, 1]) {
    live(`is taken by its ${which === 0 ? "first" : "second"} answer, once`, () =>
      Effect.gen(function*() {
        const { begun, carrier, jobs, made } = yield* telephone()
        const answers = [yield* announce(carrier, incoming), yield* announce(carrier, incoming)]
        const words = answers.map(({ body }) => streamOf(body).parameters)
        const line = yield* open(carrier)
        line.start("CA1", words[which]!)
        yield* begun
        const other = yield* open(carrier)
        other.start("CA1", words[1 - which]!)
        yield* other.until(() => other.closed !== undefined)
        assert.strictEqual(jobs.length, 1)
        assert.strictEqual((yield* made.status).calls, 1)
      }))
  }
})

describe("the address", () => {
  each(
    [
      ["as it is", ["https://voice.example.com/call", "https://voice.example.com/call"]],
      ["with the usual port", ["https://voice.example.com/call", "https://voice.example.com:443/call"]],
      ["with a port of its own", ["https://voice.example.com:8443/call", "https://voice.example.com:8443/call"]],
      ["with a port that the carrier leaves out", [
        "https://voice.example.com:8443/call",
        "https://voice.example.com/call"
      ]],
      ["with how often to ask again", ["https://voice.example.com/call#rc=3&rp=all", "https://voice.example.com/call"]],
      ["with a query and how often", [
        "https://voice.example.com/call?a=1#rc=3",
        "https://voice.example.com/call?b=2&a=1",
        "/call?b=2&a=1"
      ]],
      ["with a name and a password", [
        "https://user:pass@voice.example.com/call",
        "https://user:pass@voice.example.com/call"
      ]],
      ["with capitals", ["https://Voice.Example.com/Call", "https://Voice.Example.com/Call"]],
      ["of the host alone", ["https://voice.example.com", "https://voice.example.com/"]]
    ],
    "is signed by the carrier as it has it: %s",
    ([url = "", signed = "", path]) =>
      Effect.gen(function*() {
        const { carrier } = yield* telephone({ url })
        const signature = sign(token, signed, Object.entries(incoming))
        const answer = path === undefined
          ? yield* announce(carrier, incoming, signature)
          : yield* post(carrier.port, path, incoming, { "x-twilio-signature": signature })
        assert.strictEqual(answer.status, 200)
        const stream = streamOf(answer.body).url!
        assert.match(stream, /^wss:\/\/[^#?]*\/stream$/)
        const line = yield* open(carrier, {
          path: new URL(stream).pathname,
          headers: { "x-twilio-signature": sign(token, stream) }
        })
        assert.isUndefined(line.closed)
      })
  )

  each(
    [
      ["a query in another order", { path: "/call?b=2&a=1", signed: "https://voice.example.com/call?a=1&b=2" }],
      ["a query that was added", { path: "/call?a=1", signed: "https://voice.example.com/call" }],
      ["a query that was lost", { path: "/call", signed: "https://voice.example.com/call?a=1" }],
      ["another host", { path: "/call", signed: "https://voice.example.org/call" }],
      ["without TLS", { path: "/call", signed: "http://voice.example.com/call" }],
      ["the stream's", { path: "/call", signed: "wss://voice.example.com/call/stream" }]
    ],
    "is not that of another request: %s",
    ({ path, signed }) =>
      Effect.gen(function*() {
        const { carrier } = yield* telephone()
        const signature = sign(token, signed, Object.entries(incoming))
        assert.strictEqual((yield* post(carrier.port, path, incoming, { "x-twilio-signature": signature })).status, 403)
      })
  )
})

describe("a request", () => {
  const form = new URLSearchParams(incoming).toString()
  const signed = (pairs: ReadonlyArray<readonly [string, string]>) => ({
    "x-twilio-signature": sign(token, "https://voice.example.com/call", pairs)
  })
  const right = signed(Object.entries(incoming))
  interface Asked {
    readonly method?: string
    readonly path?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string | Buffer
    readonly status: number
  }

  each<Asked>(
    [
      ["of a form", { status: 200 }],
      ["in chunks", { headers: { ...right, "transfer-encoding": "chunked" }, status: 200 }],
      ["whose type is told with a charset", {
        headers: { ...right, "content-type": "application/x-www-form-urlencoded; charset=UTF-8" },
        status: 200
      }],
      ["with letters of many scripts", {
        headers: signed([...Object.entries(incoming), ["CallerName", "Müller 😀 + & ="]]),
        body: `${form}&${new URLSearchParams({ CallerName: "Müller 😀 + & =" })}`,
        status: 200
      }],
      ["with spaces as %20", {
        headers: signed([...Object.entries(incoming), ["CallerName", "A B"]]),
        body: `${form}&CallerName=A%20B`,
        status: 200
      }],
      ["with a field twice", {
        headers: signed([...Object.entries(incoming), ["Extra", "1"], ["Extra", "2"]]),
        body: `${form}&Extra=1&Extra=2`,
        status: 200
      }],
      ["with fields in another order", { body: form.split("&").toReversed().join("&"), status: 200 }],
      ["with a field that was added", { body: `${form}&Extra=1`, status: 403 }],
      ["with a field that is missing", { body: form.replace(/&?Direction=\w+/, ""), status: 403 }],
      ["of another coding", {
        body: Buffer.from(`${form}&CallerName=M%FCller`, "latin1"),
        headers: signed([...Object.entries(incoming), ["CallerName", "Müller"]]),
        status: 403
      }],
      ["of JSON", {
        headers: { ...right, "content-type": "application/json" },
        body: JSON.stringify(incoming),
        status: 403
      }],
      ["of nothing", { body: "", status: 403 }],
      ["of nothing, which is signed", { headers: signed([]), body: "", status: 400 }],
      ["of no call", { headers: signed([["From", "+1"]]), body: "From=%2B1", status: 400 }],
      ["of a call that is a path", { headers: signed([["CallSid", "../x"]]), body: "CallSid=..%2Fx", status: 400 }],
      ["without a signature", { headers: {}, status: 403 }],
      ["with an empty one", { headers: { "x-twilio-signature": "" }, status: 403 }],
      ["with two", { headers: { "x-twilio-signature": `x, ${right["x-twilio-signature"]}` }, status: 403 }],
      ["with one of hex", {
        headers: { "x-twilio-signature": Buffer.from(right["x-twilio-signature"], "base64").toString("hex") },
        status: 403
      }],
      ["that is long", { body: `${form}&Extra=${"x".repeat(70_000)}`, status: 400 }],
      ["that is long, in chunks", {
        headers: { ...right, "transfer-encoding": "chunked" },
        body: `${form}&Extra=${"x".repeat(70_000)}`,
        status: 400
      }],
      ["by GET", { method: "GET", path: `/call?${form}`, status: 405 }],
      ["by PUT", { method: "PUT", status: 405 }],
      ["for the stream that is no socket", { method: "GET", path: "/call/stream", status: 405 }],
      ["elsewhere", { path: "/call/x", status: 404 }],
      ["with a slash more", { path: "//call", status: 404 }]
    ],
    "is answered as what it is: %s",
    ({ body = form, headers = right, method = "POST", path = "/call", status }) =>
      Effect.gen(function*() {
        const { carrier, made } = yield* telephone()
        const answer = yield* Effect.callback<number>((resume) => {
          const sent = request({ host: "127.0.0.1", port: carrier.port, path, method, headers }, (response) => {
            response.resume()
            response.on("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
          })
          sent.on("error", (error) => resume(Effect.die(error)))
          sent.end(method === "GET" ? undefined : body)
        })
        assert.strictEqual(answer, status)
        assert.isTrue((yield* made.status).ready)
      })
  )
})

describe("a stream", () => {
  const media = (chunk: number) => ({
    event: "media",
    media: { chunk: String(chunk), timestamp: String((chunk - 1) * 20), payload: Buffer.alloc(160).toString("base64") }
  })
  const connected = { event: "connected", protocol: "Call", version: "1.0.0" }
  const stop = { event: "stop" }
  const begin = Symbol("the message with which it begins")

  each<readonly [messages: ReadonlyArray<object | typeof begin>, end: string | undefined]>(
    [
      ["in its order", [[connected, begin, media(1), stop], "room_closed"]],
      ["without a word before", [[begin, media(1), stop], "room_closed"]],
      ["with audio before it begins", [[media(1), media(2), begin, media(3), stop], "room_closed"]],
      ["with two seconds of audio before", [
        [...Array.from({ length: 100 }, (_, i) => media(i)), begin, stop],
        undefined
      ]],
      ["that begins twice", [[connected, begin, begin, media(1), stop], "room_closed"]],
      ["that ends before it begins", [[stop, begin, media(1)], "room_closed"]],
      ["that ends twice", [[begin, stop, stop, media(1)], "room_closed"]],
      ["that ends, and begins again", [[begin, stop, begin, media(1)], "room_closed"]]
    ],
    "is one call or none, and ends once: %s",
    ([messages, end]) =>
      Effect.gen(function*() {
        const ended: Array<string> = []
        const begun: Array<string> = []
        const definition = Worker.define({
          layer: Layer.empty,
          entry: (job) =>
            Effect.gen(function*() {
              begun.push(job.id)
              ended.push(yield* (yield* Room.Room).ended)
            })
        })
        const url = "https://voice.example.com/call"
        const { port, status } = yield* Telephone.make(definition, {
          url,
          token,
          port: 0,
          host: "127.0.0.1",
          http: false,
          load: () => 0
        })
        const carrier: Carrier = { port, token, url }
        const { body } = yield* announce(carrier, incoming)
        const line = yield* open(carrier)
        const start = {
          event: "start",
          start: { streamSid: "MZ1", accountSid: "AC1", callSid: "CA1", customParameters: streamOf(body).parameters }
        }
        for (const message of messages) line.send(message === begin ? start : message as object)
        yield* line.until(() => line.closed !== undefined)
        assert.deepStrictEqual([begun, ended], end === undefined ? [[], []] : [["CA1"], [end]])
        while ((yield* status).calls > 0) yield* Effect.sleep("5 millis")
      })
  )
})
