import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { RoomServiceClient, SipClient } from "livekit-server-sdk"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

interface Server {
  readonly url: string
  readonly key: string
  readonly secret: string
  /** For calls that go out. */
  readonly trunk: string
}

/** A desk that gives the caller to a person: the call goes elsewhere, or the person comes into the room. */
export const desk = (server: Server, person: string) => {
  const lines = new SipClient(server.url, server.key, server.secret)
  const rooms = new RoomServiceClient(server.url, server.key, server.secret)
  return Agent.make({
    instructions: "You answer the phone of a small hotel.",
    tools: Tools.functions({
      // Cold: the caller's line is given to another number, and the session ends.
      transfer: {
        description: "Gives the call to a person, if the caller asks for one",
        voice: { result: "silent", duplicate: "reject" },
        run: async (_, { session }) => {
          try {
            await session.transfer({ to: person, say: "One moment, I put you through." })
          } catch {
            throw new Tools.ToolError({ message: "Nobody can take the call now. Offer to call back." })
          }
        }
      },
      // Warm: a person is called into this room. The agent stays until they are there, and then leaves.
      join: {
        description: "Calls a person into this conversation",
        voice: { result: "silent", duplicate: "reject" },
        run: async (_, { session }) => {
          await session.say("I call a colleague. Please stay on the line.")
          const room = session.job["room"] ?? ""
          try {
            await lines.createSipParticipant(server.trunk, person, room, {
              participantIdentity: "colleague",
              waitUntilAnswered: true
            })
          } catch {
            // Busy, refused, or no answer.
            throw new Tools.ToolError({ message: "Nobody can take the call now. Offer to call back." })
          }
          const goodbye = await session.say("Here is my colleague.", { protected: true })
          const { outcome } = await goodbye.heard()
          // If the caller has hung up meanwhile, the colleague is not to wait for them.
          if (outcome !== "completed") return rooms.removeParticipant(room, "colleague")
          await session.close({ drain: true })
        }
      }
    })
  })
}

// What LiveKit's server is asked, answered on loopback, with a status for each method.
const standIn = (statuses: Readonly<Record<string, number>>) =>
  Effect.acquireRelease(
    Effect.promise(() => {
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        const method = request.url?.split("/").at(-1) ?? ""
        asked.push(method)
        response.writeHead(statuses[method] ?? 200, { "content-type": "application/json" }).end("{}")
      })
      const opened = Promise.withResolvers<void>()
      server.listen(0, "127.0.0.1", opened.resolve)
      return opened.promise.then(() => ({ asked, server }))
    }),
    ({ server }) => Effect.sync(() => server.close())
  )

const call = (
  tools: ReadonlyArray<string>,
  statuses: Readonly<Record<string, number>> = {},
  more: Pick<Testing.Scenario, "room" | "user"> = {}
) =>
  Effect.gen(function*() {
    const { asked, server } = yield* standIn(statuses)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const timeline = yield* Testing.scenario({
      room: { kind: "sip", ...more.room },
      agent: desk({ url, key: "key", secret: "secret", trunk: "trunk" }, "+4930123456"),
      user: [Testing.say(1000, 2000, "A person, please."), ...more.user ?? []],
      llm: [{ tools: tools.map((name) => ({ name })) }, "I am sorry, they will call you back."],
      tts: { duration: 1500 },
      options: { job: { room: "call-1" }, filler: false }
    })
    return { asked, timeline }
  })

it.live("puts the caller through, cold and warm, once", () =>
  Effect.gen(function*() {
    const cold = yield* call(["transfer", "transfer"])
    assert.deepStrictEqual(cold.timeline.transfers.map(({ to }) => to), ["+4930123456"])
    assert.deepStrictEqual(cold.timeline.of("SessionClosed").map(({ reason }) => reason), ["transferred"])
    const warm = yield* call(["join"])
    assert.deepStrictEqual(warm.asked, ["CreateSIPParticipant"])
    // The caller stays in the room: the agent has closed, and not hung up.
    assert.deepStrictEqual(warm.timeline.of("SessionClosed").map(({ reason }) => reason), ["closed"])
  }).pipe(Effect.scoped))

it.live("goes on with the caller when nobody takes the call", () =>
  Effect.gen(function*() {
    const cold = yield* call(["transfer"], {}, { room: { transfers: "refused" } })
    const warm = yield* call(["join"], { CreateSIPParticipant: 503 })
    for (const { timeline } of [cold, warm]) {
      assert.strictEqual(timeline.messages.at(-1), "assistant: I am sorry, they will call you back.")
    }
  }).pipe(Effect.scoped))

it.live("leaves nobody alone on a line when the caller hangs up meanwhile", () =>
  Effect.gen(function*() {
    const user = [Testing.leave(3500, "left")]
    const cold = yield* call(["transfer"], {}, { user })
    assert.deepStrictEqual(cold.timeline.transfers, [])
    const warm = yield* call(["join"], {}, { user })
    assert.deepStrictEqual(warm.asked, ["CreateSIPParticipant", "RemoveParticipant"])
  }).pipe(Effect.scoped))
