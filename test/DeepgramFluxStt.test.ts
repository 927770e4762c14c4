import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue, Stream } from "effect"
import { Stt } from "effect-voice"
import * as DeepgramFluxStt from "effect-voice/Layers/DeepgramFluxStt"
import * as faults from "./contract/faults.ts"
import { contract } from "./contract/stt.ts"
import { turnInfo, wellBehaved } from "./support/deepgramFlux.ts"
import * as provider from "./support/provider.ts"
import { key, said, suite, tone } from "./support/transcribing.ts"

const options = (url: string): DeepgramFluxStt.Options => ({ apiKey: key, baseUrl: url })

const stub = Layer.unwrap(
  Effect.map(provider.webSocket(wellBehaved()), ({ url }) => DeepgramFluxStt.layer(options(url)))
)

contract("DeepgramFluxStt", stub, { live: true, speech: tone })

faults.webSocket("DeepgramFluxStt", {
  ask: faults.stt((url) => DeepgramFluxStt.layer({ apiKey: faults.apiKey, baseUrl: url })),
  well: wellBehaved(),
  said: "Good morning.",
  first: [turnInfo("StartOfTurn", "Good", 0, 0.5)],
  harmless: [
    { type: "Connected", request_id: "r", sequence_id: 0 },
    { type: "ConfigureSuccess", request_id: "r" },
    { type: "SomethingNew", deep: { er: [1] } },
    { untyped: true },
    turnInfo("Update", "", 0, 0.1),
    turnInfo("SomethingNew", "", 0, 0.1)
  ]
})

suite("DeepgramFluxStt", {
  layer: (url) => DeepgramFluxStt.layer(options(url)),
  more: [
    {
      name: "an error that it reports",
      stub: { onMessage: (_, peer) => peer.send({ type: "Error", code: "secret", description: "secret words" }) },
      reason: "Broken"
    },
    {
      name: "a turn without an event",
      stub: { onMessage: (_, peer) => peer.send({ type: "TurnInfo", transcript: "secret" }) },
      reason: "InvalidResponse"
    }
  ]
})

const heard = (server: { readonly url: string }, audio: Stream.Stream<Stt.Input>) =>
  Stream.runCollect(Stt.transcribe(audio)).pipe(Effect.provide(DeepgramFluxStt.layer(options(server.url))))

describe("DeepgramFluxStt", () => {
  it.live("asks with the defaults that it documents, and passes every option on", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(wellBehaved())
      yield* heard(server, said)
      const first = yield* server.next
      assert.strictEqual(first.headers.authorization, "Token sk-secret-key")
      assert.strictEqual(first.url.pathname, "/v2/listen")
      assert.deepStrictEqual([...first.url.searchParams], [
        ["model", "flux-general-en"],
        ["encoding", "linear16"],
        ["sample_rate", "16000"]
      ])
      const layer = DeepgramFluxStt.layer({
        ...options(server.url),
        model: "flux-general-multi",
        languages: ["de", "en"],
        endThreshold: 0.8,
        eagerThreshold: 0.4,
        endTimeout: "3 seconds",
        keyterms: ["Effect"],
        mipOptOut: true,
        tags: ["desk"],
        parameters: { more: "true" },
        sampleRate: 8000
      })
      yield* Stream.runDrain(Stt.transcribe(said)).pipe(Effect.provide(layer))
      const { url } = yield* server.next
      assert.deepStrictEqual([...url.searchParams], [
        ["model", "flux-general-multi"],
        ["encoding", "linear16"],
        ["sample_rate", "8000"],
        ["eot_threshold", "0.8"],
        ["eager_eot_threshold", "0.4"],
        ["eot_timeout_ms", "3000"],
        ["language_hint", "de"],
        ["language_hint", "en"],
        ["keyterm", "Effect"],
        ["mip_opt_out", "true"],
        ["tag", "desk"],
        ["more", "true"]
      ])
    }))

  it.live("tells what becomes of a turn", () =>
    Effect.gen(function*() {
      const events = ["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"]
      let told = false
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (typeof message === "string") return peer.socket.close(1000)
          if (told) return
          told = true
          for (const event of events) peer.send(turnInfo(event, "Good morning.", 0, 0.5))
        }
      })
      const all = yield* heard(server, Stream.fromIterable<Stt.Input>(tone))
      assert.deepStrictEqual(all.map(({ final, turn }) => [turn, final]), [
        ["started", false],
        [undefined, false],
        ["eager", false],
        ["resumed", false],
        ["eager", false],
        ["ended", true]
      ])
      assert.deepStrictEqual(all.at(-1), {
        text: "Good morning.",
        final: true,
        start: 0,
        end: 500,
        words: [{ text: "Good", start: 0, end: 250 }, { text: "morning.", start: 250, end: 500 }],
        language: "en",
        turn: "ended"
      })
    }))

  it.live("ends the turn at a mark, also where it hears of it only afterwards", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(wellBehaved())
      const all = yield* heard(server, said)
      const { received } = yield* server.next
      const texts = received.filter((message) => typeof message === "string").map((text) => JSON.parse(text).type)
      assert.deepStrictEqual(texts, ["ForceEndTurn", "CloseStream"])
      assert.deepStrictEqual(all.filter(({ final }) => final).map(({ text }) => text), ["Good morning."])
    }))

  it.live("says that a mark in silence has no words before it", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket({
        onMessage: (message, peer) => {
          if (typeof message !== "string") peer.send(turnInfo("Update", "", 0, 1))
          else if (message.includes("CloseStream")) peer.socket.close(1000)
        }
      })
      const audio = yield* Queue.unbounded<Stt.Input>()
      const first = yield* Effect.forkChild(
        Stream.unwrap(Stt.Stt.useSync((stt) => stt.transcribe(Stream.fromQueue(audio)))).pipe(
          Stream.filter(({ final }) => final),
          Stream.runHead,
          Effect.provide(DeepgramFluxStt.layer(options(server.url)))
        )
      )
      yield* Queue.offerAll(audio, tone.slice(0, 10))
      yield* Queue.offer(audio, Stt.Finalize)
      yield* Queue.offerAll(audio, tone.slice(0, 10))
      const found = yield* Fiber.join(first)
      assert.deepStrictEqual(found._tag === "Some" ? found.value : undefined, { text: "", final: true, end: 200 })
    }))

  /** A server of one's own: whoever asks it to end a turn is thrown out. */
  const selfHosted = (): Parameters<typeof provider.webSocket>[0] => {
    const well = wellBehaved()
    return {
      onMessage: (message, peer) => {
        if (typeof message !== "string" || !message.includes("ForceEndTurn")) return well.onMessage?.(message, peer)
        peer.send({ type: "Error", sequence_id: 3, code: "UNPARSABLE_CLIENT_MESSAGE", description: "unknown variant" })
        peer.socket.close(1011)
      }
    }
  }

  it.live("says what to do where the server cannot end a turn", () =>
    Effect.gen(function*() {
      const server = yield* provider.webSocket(selfHosted())
      const audio = yield* Queue.unbounded<Stt.Input>()
      yield* Queue.offerAll(audio, [...tone, Stt.Finalize])
      const { reason } = yield* Effect.flip(heard(server, Stream.fromQueue(audio)))
      assert.deepInclude(reason, { _tag: "InvalidRequest", isRetryable: false })
      assert.include(reason.message, "turn.detection")
    }))

  it.live("gives what it has heard of a turn that is still open at the end, where the server does not", () =>
    Effect.gen(function*() {
      const closing: Parameters<typeof provider.webSocket>[0] = {
        onMessage: (message, peer) => {
          if (typeof message !== "string") {
            if (peer.received.filter((piece) => typeof piece !== "string").length !== 1) return
            peer.send(turnInfo("StartOfTurn", "Good", 0, 0.3))
          } else if (message.includes("ForceEndTurn")) {
            // What it has not heard yet belongs to the next turn.
            peer.send(turnInfo("EndOfTurn", "Good", 0, 0.3))
            peer.send(turnInfo("StartOfTurn", "morning.", 0.3, 0.6))
          } else if (message.includes("CloseStream")) peer.socket.close()
        }
      }
      for (const [stub, text] of [[selfHosted(), "Good"], [closing, "Good morning."]] as const) {
        const server = yield* provider.webSocket(stub)
        const all = yield* heard(
          server,
          Stream.concat(
            Stream.fromIterable<Stt.Input>(tone),
            // It has answered what it was sent.
            Stream.drain(Stream.fromEffect(Effect.sleep("100 millis")))
          )
        )
        const finals = all.filter(({ final }) => final)
        assert.strictEqual(finals.map(({ text }) => text).join(" "), text)
        assert.isTrue(finals.every(({ turn }) => turn === "ended"))
      }
    }))
})
