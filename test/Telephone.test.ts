import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Fiber, Layer, Logger, Redacted, Schema, type Scope, Stream } from "effect"
import { Audio, Room, Telephone, Worker } from "effect-voice"
import { createServer, type Server, type ServerResponse } from "node:http"
import { sign } from "../src/internal/telephone/signature.ts"
import { announce, call, type Carrier, type Line, open, post, streamOf } from "./support/carrier.ts"
import * as provider from "./support/provider.ts"

const token = Redacted.make("s3cret-of-the-account")
const url = "https://voice.example.com/call"

const tone = (ms: number): Audio.Frame => ({
  samples: Int16Array.from({ length: ms * 8 }, (_, i) => Math.round(9000 * Math.sin(i / 3))),
  sampleRate: 8000,
  channels: 1
})

/** A telephone whose calls do the same. */
const telephone = (
  entry: (job: Worker.Job) => Effect.Effect<unknown, unknown, Room.Room | Scope.Scope>,
  options: Partial<Telephone.TelephoneOptions> = {}
) =>
  Effect.gen(function*() {
    const definition = Worker.define({ entry, layer: Layer.empty })
    const made = yield* Telephone.make(definition, {
      url,
      token,
      port: 0,
      host: "127.0.0.1",
      http: { port: 0, host: "127.0.0.1", metricsPort: false },
      ...options
    })
    const carrier: Carrier = { port: made.port, token, url }
    return { made, carrier }
  })

/** In real time, and without a word. */
const live = (sentence: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(sentence, () => Effect.provide(body(), Logger.layer([])))

/** The same for each case of a table. */
const each = <A>(
  cases: ReadonlyArray<A>,
  sentence: string,
  body: (one: A) => Effect.Effect<void, unknown, Scope.Scope>
) => it.live.each(cases)(sentence, (one) => Effect.provide(body(one), Logger.layer([])))

/** How busy the machine may be before a time says nothing of ours (ms). */
const slack = 20

describe("Telephone", () => {
  describe("what the agent says", () => {
    live("comes in pieces of 20 ms, at its pace, a little ahead of what is heard", () =>
      Effect.gen(function*() {
        const over = yield* Deferred.make<number>()
        const { carrier } = yield* telephone(() =>
          Effect.gen(function*() {
            yield* Room.play(Stream.succeed(tone(1500)), { sampleRate: 8000 })
            yield* Deferred.succeed(over, performance.now())
            return yield* Effect.never
          })
        )
        const { line } = yield* call(carrier)
        yield* line.until(() => line.playedMs >= 1500)
        const heard = performance.now()
        const told = yield* Deferred.await(over)
        assert.strictEqual(line.pieces.length, 75)
        assert.isTrue(line.pieces.every(({ bytes }) => bytes === 160))
        for (const { ahead } of line.pieces) assert.isAtMost(ahead, 200 + 60 + 2 * line.stall)
        // Heard by the caller, and not only sent.
        assert.isAtLeast(told, heard - 20 - slack - line.stall)
        assert.isAtMost(told, heard + 150 + line.stall)
        const gaps = line.heard.slice(1).reduce((sum, { tick }, i) => sum + tick - line.heard[i]!.tick - 1, 0)
        assert.isAtMost(gaps, 2 + line.stall / 20, "pieces of silence within what is heard")
      }))

    live(
      "falls silent within 20 ms when it is cleared, and is known as far as it was heard",
      () =>
        Effect.gen(function*() {
          const cut = yield* Deferred.make<void>()
          const result = yield* Deferred.make<{ readonly at: number; readonly played: number }>()
          const { carrier } = yield* telephone(() =>
            Effect.gen(function*() {
              const room = yield* Room.Room
              const output = yield* room.output({ sampleRate: 8000 })
              yield* Effect.forkScoped(output.write([tone(5000)]))
              yield* Deferred.await(cut)
              const at = performance.now()
              yield* output.clear
              yield* Deferred.succeed(result, { at, played: yield* output.played })
              return yield* Effect.never
            })
          )
          const { line } = yield* call(carrier)
          yield* line.until(() => line.playedMs >= 600)
          const before = performance.now() - line.now
          yield* Deferred.succeed(cut, undefined)
          yield* line.until(() => line.clears.length > 0)
          const { at, played } = yield* Deferred.await(result)
          assert.isAtMost(line.clears[0]! + before - at, 20 + slack + line.stall)
          assert.closeTo(played, line.playedMs, 40 + slack + 2 * line.stall)
          const heard = line.playedMs
          yield* Effect.sleep("200 millis")
          assert.strictEqual(line.playedMs, heard)
        })
    )

    live("goes on after a pause with what was not heard", () =>
      Effect.gen(function*() {
        const { carrier } = yield* telephone(() =>
          Effect.gen(function*() {
            const room = yield* Room.Room
            const output = yield* room.output({ sampleRate: 8000 })
            yield* output.write([tone(1000)])
            yield* Effect.sleep("400 millis")
            yield* output.pause
            yield* Effect.sleep("300 millis")
            yield* output.resume
            yield* output.drained
          })
        )
        const { line } = yield* call(carrier)
        yield* line.until(() => line.closed !== undefined)
        assert.closeTo(line.clears[0]!, 400, 100 + line.stall)
        assert.closeTo(line.playedMs, 1000, 60 + slack + line.stall)
      }))
  })

  live("hears the caller at 8 kHz, with the time of what was lost, and their keys", () =>
    Effect.gen(function*() {
      const frames: Array<Audio.Frame> = []
      const keys: Array<string> = []
      const { carrier } = yield* telephone(() =>
        Effect.gen(function*() {
          const room = yield* Room.Room
          yield* Effect.forkScoped(Stream.runForEach(room.events, (event) =>
            Effect.sync(() => {
              if (event._tag === "Dtmf") keys.push(event.digit)
            })))
          yield* Stream.runForEach(room.audio("caller"), (frame) => Effect.sync(() => void frames.push(frame)))
        })
      )
      const { line } = yield* call(carrier)
      yield* line.until(() => frames.length > 5)
      line.say(tone(100))
      yield* line.until(() => frames.filter((frame) => Audio.rms(frame) > 0.01).length === 5)
      line.lose(10)
      for (const key of "12#") line.key(key)
      yield* line.until(() => keys.length === 3)
      const count = frames.length
      yield* line.until(() => frames.length > count + 5)
      assert.deepStrictEqual(keys, ["1", "2", "#"])
      assert.isTrue(frames.every(({ channels, sampleRate }) => sampleRate === 8000 && channels === 1))
      const gaps = frames.slice(1).map((frame, i) => frame.at! - frames[i]!.at! - 20).filter((gap) => gap > 0)
      assert.deepStrictEqual(gaps, [200])
    }))

  live("tells a job who calls, and the parameters by their types", () =>
    Effect.gen(function*() {
      const told = yield* Deferred.make<unknown>()
      const { carrier } = yield* telephone((job) =>
        Effect.gen(function*() {
          const room = yield* Room.Room
          const [caller] = yield* room.participants
          const parameters = yield* Telephone.parameters(job, Schema.Struct({ customer: Schema.FiniteFromString }))
          const wrong = yield* Effect.flip(Telephone.parameters(job, Schema.Struct({ missing: Schema.String })))
          yield* Deferred.succeed(told, { caller, parameters, wrong: wrong._tag })
        }), { accept: () => Effect.succeed({ parameters: { customer: "42", note: "<\"ä&'>" } }) })
      const { id, line } = yield* call(carrier)
      // As markup has them; a carrier reads them back.
      assert.isDefined(line)
      assert.deepStrictEqual(yield* Deferred.await(told), {
        caller: {
          identity: "caller",
          kind: "sip",
          direction: "inbound",
          call: "answered",
          metadata: JSON.stringify({ customer: "42", note: "<\"ä&'>" }),
          attributes: {
            customer: "42",
            note: "<\"ä&'>",
            "sip.callID": id,
            "sip.callStatus": "active",
            "sip.phoneNumber": "+15550001111",
            "sip.trunkPhoneNumber": "+15552220000"
          }
        },
        parameters: { customer: 42 },
        wrong: "InvalidOptions"
      })
    }))

  describe("the end of a call", () => {
    for (
      const [sentence, end, reason] of [
        ["comes when the caller hangs up", "hangUp", "room_closed"],
        ["comes when the line is lost", "cut", "connection_lost"]
      ] as const
    ) {
      live(sentence, () =>
        Effect.gen(function*() {
          const ended = yield* Deferred.make<Room.EndReason>()
          const { carrier, made } = yield* telephone(() =>
            Effect.flatMap(Effect.flatMap(Room.Room, (room) => room.ended), (why) => Deferred.succeed(ended, why))
          )
          const { line } = yield* call(carrier)
          yield* line.until(() => line.now > 100)
          line[end]()
          assert.strictEqual(yield* Deferred.await(ended), reason)
          while ((yield* made.status).calls > 0) yield* Effect.sleep("5 millis")
        }))
    }

    live(
      "is asked of the carrier when the agent hangs up, with the key, and closes the stream",
      () =>
        Effect.gen(function*() {
          const asked: Array<string> = []
          const api = yield* Effect.acquireRelease(
            Effect.callback<Server>((resume) => {
              const server = createServer((request, response) => {
                asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
                response.end("{}")
              }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
            }),
            (server) => Effect.sync(() => server.close())
          )
          const address = api.address() as { readonly port: number }
          const { carrier } = yield* telephone(
            () => Effect.flatMap(Room.Room, (room) => room.remove!("caller")),
            { apiUrl: `http://127.0.0.1:${address.port}`, key: Redacted.make("secret"), keySid: "SK1" }
          )
          const { id, line } = yield* call(carrier)
          yield* line.until(() => line.closed !== undefined)
          const basic = Buffer.from("SK1:secret").toString("base64")
          assert.deepStrictEqual(asked, [`POST /2010-04-01/Accounts/AC1/Calls/${id}.json Basic ${basic}`])
        })
    )

    for (
      const [name, status, body, failed] of [
        ["is over, says the carrier", 404, "", false],
        ["is over, says the carrier by a code of its own", 400, JSON.stringify({ code: 21_220, status: 400 }), false],
        ["is not the key's", 401, JSON.stringify({ code: 20_003 }), true],
        ["is refused otherwise", 400, JSON.stringify({ code: 21_218, message: "of 21220" }), true]
      ] as const
    ) {
      live(`that ${name} has been hung up, or not`, () =>
        Effect.gen(function*() {
          const api = yield* provider.http((_, response) => void response.writeHead(status).end(body))
          const told = yield* Deferred.make<string | undefined>()
          const { carrier } = yield* telephone(
            () =>
              Effect.flatMap(Room.Room, (room) => room.remove!("caller")).pipe(
                Effect.match({ onFailure: ({ reason }) => reason, onSuccess: () => undefined }),
                Effect.tap((reason) => Deferred.succeed(told, reason))
              ),
            { apiUrl: api.url }
          )
          const { line } = yield* call(carrier)
          assert.strictEqual(yield* Deferred.await(told), failed ? "SendFailed" : undefined)
          yield* line.until(() => line.closed !== undefined)
        }))
    }

    /** A call that its agent transfers, what the carrier was asked for that, and what came of it. */
    const transferred = (
      to: string,
      answer: (response: ServerResponse, line: Line) => void,
      key: Partial<Telephone.TelephoneOptions> = {}
    ) =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const line = yield* Deferred.make<Line>()
        const api = yield* Effect.acquireRelease(
          Effect.callback<Server>((resume) => {
            const server = createServer((request, response) => {
              let body = ""
              request.on("data", (chunk) => void (body += chunk))
              request.on("end", () => {
                asked.push(`${request.url} ${new URLSearchParams(body).get("Twiml")}`)
                answer(response, Effect.runSync(Deferred.await(line)))
              })
            }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
          }),
          (server) => Effect.sync(() => server.close())
        )
        const { port } = api.address() as { readonly port: number }
        const told = yield* Deferred.make<string>()
        const { carrier } = yield* telephone(
          () =>
            Effect.gen(function*() {
              const room = yield* Room.Room
              yield* Deferred.await(line)
              const why = yield* Effect.match(room.transfer!("caller", to), {
                onFailure: ({ detail, reason }) => `${reason}: ${detail}`,
                onSuccess: () => "done"
              })
              yield* Deferred.succeed(told, `${why}, ${(yield* room.participants).length} there`)
            }),
          { apiUrl: `http://127.0.0.1:${port}`, ...key }
        )
        const opened = yield* call(carrier)
        yield* Deferred.succeed(line, opened.line)
        return { asked, told: yield* Deferred.await(told), id: opened.id }
      })

    const took = (response: ServerResponse): void => void response.end("{}")

    each<readonly [to: string, noun: string, answer: Parameters<typeof transferred>[1]]>(
      [
        ["+49 30 123456", "<Number>+4930123456</Number>", took],
        ["sip:desk@example.com?x=1&y='2'", "<Sip>sip:desk@example.com?x=1&amp;y=&apos;2&apos;</Sip>", took],
        // The markup ends the stream before the carrier has said that it took it.
        ["+4930123456", "<Number>+4930123456</Number>", (response, line) => {
          line.hangUp()
          void Effect.runPromise(line.until(() => line.closed !== undefined)).then(() => response.end("{}"))
        }]
      ],
      "goes elsewhere by the carrier: %s",
      ([to, noun, answer]) =>
        Effect.gen(function*() {
          const { asked, id, told } = yield* transferred(to, answer)
          const twiml = `<?xml version="1.0" encoding="UTF-8"?><Response><Dial>${noun}</Dial></Response>`
          assert.deepStrictEqual(asked, [`/2010-04-01/Accounts/AC1/Calls/${id}.json ${twiml}`])
          assert.strictEqual(told, "done, 0 there")
        })
    )

    each([400, 401, 404, 500], "stays where it is if the carrier refuses: %d", (status) =>
      Effect.gen(function*() {
        const { told } = yield* transferred("+4930123456", (response) => response.writeHead(status).end("+4930123456"))
        const why = `the carrier did not transfer the call (status ${status}): check the account and its key`
        assert.strictEqual(told, `SendFailed: ${why}, 1 there`)
      }))

    live("goes nowhere without a number or an address, and nobody is asked", () =>
      Effect.gen(function*() {
        const { asked, told } = yield* transferred("030123456", took)
        assert.match(told, /^InvalidOption: transfer: to must be a number with its country, such as \+4930123456, or/)
        assert.deepStrictEqual(asked, [])
      }))

    live("is awaited by a drain, which answers no more calls", () =>
      Effect.gen(function*() {
        const { carrier, made } = yield* telephone(() => Effect.flatMap(Room.Room, (room) => room.ended))
        const { line } = yield* call(carrier)
        yield* line.until(() => line.now > 100)
        const draining = yield* Effect.forkScoped(made.drain())
        while (!(yield* made.status).draining) yield* Effect.sleep("5 millis")
        const { body } = yield* announce(carrier, { CallSid: "CA-late" })
        assert.include(body, "<Reject reason=\"busy\"/>")
        assert.isUndefined(draining.pollUnsafe())
        line.hangUp()
        yield* Fiber.join(draining)
        yield* made.ended
      }))
  })

  describe("security", () => {
    live("answers nothing that the carrier has not signed", () =>
      Effect.gen(function*() {
        const { carrier, made } = yield* telephone(() => Effect.never)
        const form = { CallSid: "CA-forged", From: "+15550001111" }
        const right = sign(token, url, Object.entries(form))
        for (
          const signature of ["", "x", sign(Redacted.make("another"), url, Object.entries(form)), sign(token, url)]
        ) {
          assert.strictEqual((yield* announce(carrier, form, signature)).status, 403)
        }
        assert.strictEqual((yield* announce(carrier, { ...form, From: "+15559999999" }, right)).status, 403)
        assert.strictEqual((yield* post(made.port, "/elsewhere", form, {})).status, 404)
        assert.strictEqual((yield* announce(carrier, form, right)).status, 200)
      }))

    live(
      "takes no stream that no call was announced for, nor one of another call, nor one twice",
      () =>
        Effect.gen(function*() {
          let entered = 0
          const { carrier } = yield* telephone(() => Effect.andThen(Effect.sync(() => void entered++), Effect.never))
          const answer = yield* announce(carrier, { CallSid: "CA-a" })
          const { parameters } = streamOf(answer.body)
          for (
            const [callSid, given] of [["CA-x", {}], ["CA-b", parameters], ["CA-a", {
              "effect-voice-word": "guess"
            }]] as const
          ) {
            const line = yield* open(carrier, { streamSid: `MZ-${callSid}` })
            line.start(callSid, given)
            yield* line.until(() => line.closed !== undefined)
          }
          assert.strictEqual(entered, 0)
          const right = yield* open(carrier)
          right.start("CA-a", parameters)
          yield* right.until(() => entered === 1)
          const again = yield* open(carrier, { streamSid: "MZ2" })
          again.start("CA-a", parameters)
          yield* again.until(() => again.closed !== undefined)
          assert.strictEqual(entered, 1)
          assert.isUndefined(right.closed)
        })
    )

    live(
      "takes a stream whose handshake is signed, for calls that were connected otherwise",
      () =>
        Effect.gen(function*() {
          const entered = yield* Deferred.make<string>()
          const { carrier } = yield* telephone((job) => Effect.andThen(Deferred.succeed(entered, job.id), Effect.never))
          const signature = sign(token, "wss://voice.example.com/call/stream")
          const line = yield* open(carrier, { headers: { "x-twilio-signature": signature } })
          line.start("CA-own", {})
          assert.strictEqual(yield* Deferred.await(entered), "CA-own")
        })
    )

    live("ends a stream that sends too much at once, too fast, or nothing that it knows", () =>
      Effect.gen(function*() {
        const { carrier, made } = yield* telephone(() => Effect.flatMap(Room.Room, (room) => room.ended))
        const payload = Buffer.alloc(160).toString("base64")
        const media = JSON.stringify({ event: "media", media: { payload } })
        for (
          const flood of [
            (line: { raw: (text: string) => void }) => line.raw("x".repeat(100_000)),
            (line: { raw: (text: string) => void }) => {
              for (let i = 0; i < 3000; i++) line.raw(media)
            },
            (line: { raw: (text: string) => void }) => {
              for (let i = 0; i < 200; i++) line.raw(i % 2 === 0 ? "{" : "null")
            }
          ]
        ) {
          const { line } = yield* call(carrier)
          yield* line.until(() => line.now > 60)
          flood(line)
          yield* line.until(() => line.closed !== undefined)
        }
        assert.isTrue((yield* made.status).ready)
      }))

    live("is busy beyond its number of calls, and lets no call hear another", () =>
      Effect.gen(function*() {
        const { carrier } = yield* telephone(
          () =>
            Effect.gen(function*() {
              const room = yield* Room.Room
              const output = yield* room.output({ sampleRate: 8000 })
              yield* Stream.runForEachArray(
                room.audio("caller"),
                (frames) => output.write(frames.map(({ samples }) => ({ samples, sampleRate: 8000, channels: 1 })))
              )
            }),
          { maxCalls: 2 }
        )
        const one = yield* call(carrier)
        const two = yield* call(carrier)
        const { body } = yield* announce(carrier, { CallSid: "CA-third" })
        assert.include(body, "busy")
        one.line.say(tone(400))
        yield* one.line.until(() => one.line.heard.filter(({ loud }) => loud).length >= 15)
        assert.isFalse(two.line.heard.some(({ loud }) => loud))
      }))

    live("has no number, parameter, word or token in its log", () => {
      const lines: Array<string> = []
      const log = Logger.make(({ cause, fiber, message }) => {
        lines.push(JSON.stringify([
          message,
          Cause.pretty(cause),
          fiber.getRef(Logger.CurrentLoggers).size,
          Object.entries(fiber.context.mapUnsafe.get("effect/References/CurrentLogAnnotations") ?? {})
        ]))
      })
      return Effect.gen(function*() {
        const { carrier, made } = yield* telephone(
          () => Effect.flatMap(Room.Room, (room) => room.ended),
          { accept: () => Effect.succeed({ parameters: { name: "Mrs. Hidden" } }) }
        )
        const { line, parameters } = yield* call(carrier)
        yield* line.until(() => line.now > 100)
        line.hangUp()
        while ((yield* made.status).calls > 0) yield* Effect.sleep("5 millis")
        yield* announce(carrier, { CallSid: "CA-forged", From: "+15550001111" }, "x")
        const all = lines.join("\n")
        assert.include(all, "the job is over")
        for (const secret of ["5550001111", "5552220000", "Hidden", "s3cret", parameters["effect-voice-word"]!]) {
          assert.notInclude(all, secret)
        }
      }).pipe(Effect.provide(Logger.layer([log])))
    })
  })
})
