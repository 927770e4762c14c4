import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References, Tracer } from "effect"
import { Metrics } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { keyedBy, masked, maskedAll, sharedKey, shareKey } from "../../src/internal/numbers.ts"
import { callOf } from "../../src/internal/room/call.ts"

const number = "+15559990123"

describe("A telephone number in a name", () => {
  it("is told by its last two digits and a hash, wherever LiveKit puts it", () => {
    for (
      const name of [
        `sip_${number}`,
        "sip_15559990123",
        `call-${number}-1`,
        `call-_${number}_AbCdEf`,
        `Phone ${number}`,
        "Phone +1 (555) 999-0123",
        "sip:%2B15559990123@host",
        "(555) 999-0123",
        "ann 555.999.0123",
        "555-999-0123",
        "+1\u00a0555\u00a0999\u00a00123",
        "+1\u2011555\u2011999\u20110123",
        "+١٥٥٥٩٩٩٠١٢٣",
        "＋１ ５５５ ９９９ ０１２３",
        `${number}`
      ]
    ) {
      const told = masked(name)
      assert.notMatch(told, /5559990|\p{Nd}{3}[-.]\p{Nd}{2}|\p{Nd}{7,}|\p{Nd}{4}$/u, name)
      assert.match(told, /#[a-p]{8}\.\.23/, name)
    }
  })

  it("is the same for the same number, however it is written, and another for another", () => {
    const [one, same, arabic, other] = [
      "sip_+15559990123",
      "x_+1 555 999 0123",
      "+١٥٥٥٩٩٩٠١٢٣",
      "sip_+15559990223"
    ].map((name) => /#[a-p]{8}/.exec(masked(name))?.[0])
    assert.strictEqual(one, same)
    assert.strictEqual(one, arabic)
    assert.notStrictEqual(one, other)
  })

  it("is not every number: addresses, times and versions stay", () => {
    for (const name of ["192.168.100.200:5060", "2024-05-01T10:00:00Z", "v1.2.3", "room 4711", "555-0123"]) {
      assert.strictEqual(masked(name), name)
    }
  })

  it("stands in one line of what can be printed, whatever somebody has called themselves", () => {
    for (
      const name of [
        "ann\nlevel=ERROR forged",
        "ann\r\nforged",
        "\u001b[2J\u001b]0;title\u0007ann",
        "\u009b31mann",
        "\u202egnp.exe",
        "\u2066ann\u2069",
        "ann\u2028forged",
        "a\u200bnn",
        "ann\u0000",
        "\ud800ann"
      ]
    ) {
      assert.notMatch(masked(name), /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b\u202e\u2066-\u2069]/u, JSON.stringify(name))
    }
    assert.strictEqual(masked("Zoë 李 👩🏽‍🚀"), "Zoë 李 👩🏽‍🚀")
    assert.isAtMost(masked("\n".repeat(1_000_000)).length, 1025)
    // A mark in the midst of a number does not hide it.
    assert.notInclude(masked(`+1555\u200b${"9990123"}`), "9990123")
  })

  it("has a hash that only who has the key can make, the same in every process that has it", () => {
    keyedBy("one secret")
    const one = masked(number)
    keyedBy("another secret")
    assert.notStrictEqual(masked(number), one)
    keyedBy("one secret")
    assert.strictEqual(masked(number), one)
    const shared = sharedKey()
    keyedBy("another secret")
    shareKey(shared)
    assert.strictEqual(masked(number), one)
  })

  it("is no number any more, whatever its hash: masked again it stays", () => {
    for (let secret = 0; secret < 200; secret++) {
      keyedBy(`secret ${secret}`)
      const once = masked(`call-${number}-1`)
      assert.match(once, /^call-#[a-p]{8}\.\.23-1$/, `secret ${secret}`)
      assert.strictEqual(masked(once), once, `secret ${secret}`)
    }
  })

  it("is nothing that is an id, a word, a version or a short line of one's own", () => {
    for (
      const name of [
        "AJ_8xK2mBq7Yw3n",
        "room-12",
        "sip_1001",
        "550e8400-e29b-41d4-a716-446655440000",
        "v1.2.3",
        "user1234567",
        "desk-1-2-3",
        "10.0.0.1"
      ]
    ) assert.strictEqual(masked(name), name)
    assert.deepStrictEqual(maskedAll({ turn: 5559990123, room: "r" }), { turn: 5559990123, room: "r" })
  })

  it.effect("is in no log line and no span of a session", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const logger = Logger.make(({ fiber, message }) =>
        void told.push(message, fiber.getRef(References.CurrentLogAnnotations))
      )
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          told.push(span.attributes, span.name)
          return span
        }
      })
      yield* Testing.scenario({
        room: { joins: false },
        llm: ["Fine."],
        options: { sessionId: `call-${number}-1` },
        at: [{
          at: 500,
          do: (_, caller) =>
            caller.room.join({ identity: `sip_${number}`, kind: "sip", attributes: { "sip.phoneNumber": number } })
        }],
        until: 5000
      }).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug"),
        Effect.provideService(Tracer.Tracer, tracer)
      )
      const all = JSON.stringify(told, (_, value: unknown) => value instanceof Map ? [...value] : value)
      assert.match(all, /#[a-p]{8}\.\.23/)
      assert.notInclude(all, number.slice(1))
      assert.notInclude(JSON.stringify(Metrics.annotations({ session: `call-${number}-1` })), number)
    }))
})

describe("A telephone call", () => {
  it("is told by how far it is", () => {
    const cases: ReadonlyArray<readonly [Record<string, string>, string | undefined]> = [
      [{ "sip.callStatus": "dialing" }, "dialing"],
      [{ "sip.callStatus": "ringing" }, "ringing"],
      [{ "sip.callStatus": "active" }, "answered"],
      [{ "sip.callStatus": "hangup" }, "ended"],
      [{ "sip.callStatus": "hangup", "sip.callStatusCode": "200" }, "ended"],
      [{ "sip.callStatus": "hangup", "sip.callStatusCode": "486" }, "busy"],
      [{ "sip.callStatus": "error", "sip.callStatusCode": "603" }, "refused"],
      [{ "sip.callStatus": "hangup", "sip.callStatusCode": "480" }, "unanswered"],
      [{ "sip.callStatus": "error", "sip.callStatusCode": "503" }, "failed"],
      [{ "sip.callStatus": "error" }, "failed"],
      [{ "sip.callStatus": "tomorrow" }, undefined],
      [{}, undefined]
    ]
    for (const [attributes, call] of cases) {
      assert.strictEqual(callOf(attributes).call, call)
    }
  })
})
