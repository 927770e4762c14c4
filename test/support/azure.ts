/** What Azure's speech service answers, as its own package understands it. */
import { assert } from "@effect/vitest"
import type * as provider from "./provider.ts"

/** Azure's package takes a message for its own by the id of the request, so it is given back. */
export const told = (path: string, body: unknown = {}, request = "0123") =>
  `X-RequestId:${request}\r\nContent-Type:application/json; charset=utf-8\r\nPath:${path}\r\n\r\n${
    JSON.stringify(body)
  }`

export const ticks = (seconds: number) => Math.round(seconds * 1e7)

export const phrase = (text: string, from: number, to: number, request?: string) =>
  told("speech.phrase", {
    Id: "p",
    RecognitionStatus: "Success",
    DisplayText: text,
    Offset: ticks(from),
    Duration: ticks(to - from)
  }, request)

interface Heard {
  readonly path: string
  readonly request: string
  readonly type: string | undefined
  readonly body: Buffer
}

/** A message by its headers. */
export const parse = (message: string | Buffer): Heard => {
  const bytes = Buffer.from(message)
  const end = typeof message === "string" ? bytes.indexOf("\r\n\r\n") + 4 : 2 + bytes.readUInt16BE(0)
  const head = bytes.subarray(typeof message === "string" ? 0 : 2, end).toString()
  const header = (name: string) => new RegExp(`^${name}: (.*)\r$`, "m").exec(head)?.[1]
  assert.match(header("X-Timestamp") ?? "", /^\d{4}-\d\d-\d\dT.*Z$/)
  return {
    path: header("Path") ?? "",
    request: header("X-RequestId") ?? "",
    type: header("Content-Type"),
    body: bytes.subarray(end)
  }
}

/** A server as Azure's package knows it: it hears one text in each turn with half a second of audio or more. */
export const wellBehaved = (detailed = false): NonNullable<Parameters<typeof provider.webSocket>[0]> => {
  const turns = new WeakMap<provider.Peer, { request: string; seconds: number }>()
  return {
    onMessage: (message, peer) => {
      const { body, path, request, type } = parse(message)
      if (path !== "audio") return
      const say = (path: string, body?: unknown) => peer.send(told(path, body, request))
      const turn = turns.get(peer) ?? { request, seconds: 0 }
      turns.set(peer, turn)
      if (turn.request !== request) return peer.socket.close(1002)
      if (type === "audio/x-wav") return say("turn.start", { context: { serviceTag: "t" } })
      turn.seconds += body.length / 2 / 16_000
      if (body.length > 0) {
        return say("speech.hypothesis", { Text: "good", Offset: 0, Duration: ticks(turn.seconds) })
      }
      // Audio that does not wait for the end of the turn is refused above.
      setImmediate(() => {
        if (turn.seconds >= 0.5) {
          peer.send(
            detailed
              ? told("speech.phrase", {
                RecognitionStatus: "Success",
                Offset: 0,
                Duration: ticks(turn.seconds),
                NBest: [{
                  Confidence: 0.9,
                  Display: "Good morning.",
                  Words: [
                    { Word: "good", Offset: ticks(0.1), Duration: ticks(0.2) },
                    { Word: "morning", Offset: ticks(0.3), Duration: ticks(0.4) }
                  ]
                }]
              }, request)
              : phrase("Good morning.", 0, turn.seconds, request)
          )
        }
        say("turn.end")
        turns.delete(peer)
      })
    }
  }
}
