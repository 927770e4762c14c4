import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { SipClient } from "livekit-server-sdk"
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
  return Agent.make({
    instructions: "You answer the phone of a small hotel.",
    tools: Tools.functions({
      // Cold: the caller's line is given to another number (REFER), and leaves this room.
      transfer: {
        description: "Gives the call to a person, if the caller asks for one",
        voice: { result: "silent" },
        run: async (_, { session }) => {
          const caller = await session.participant()
          if (caller === undefined) return
          const goodbye = await session.say("One moment, I put you through.", { protected: true })
          await goodbye.heard()
          try {
            await lines.transferSipParticipant(session.job["room"] ?? "", caller.identity, `tel:${person}`)
          } catch {
            throw new Tools.ToolError({ message: "Nobody can take the call now. Offer to call back." })
          }
        }
      },
      // Warm: a person is called into this room. The agent stays until they are there, and then leaves.
      join: {
        description: "Calls a person into this conversation",
        voice: { result: "silent" },
        run: async (_, { session }) => {
          await session.say("I call a colleague. Please stay on the line.")
          await lines.createSipParticipant(server.trunk, person, session.job["room"] ?? "", {
            participantIdentity: "colleague",
            waitUntilAnswered: true
          })
          const goodbye = await session.say("Here is my colleague.", { protected: true })
          await goodbye.heard()
          await session.close({ drain: true })
        }
      }
    })
  })
}

// What LiveKit's server is asked, answered on loopback.
const standIn = Effect.acquireRelease(
  Effect.promise(() => {
    const asked: Array<string> = []
    const server = createServer((request, response) => {
      asked.push(request.url ?? "")
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
    const opened = Promise.withResolvers<void>()
    server.listen(0, "127.0.0.1", opened.resolve)
    return opened.promise.then(() => ({ asked, server }))
  }),
  ({ server }) => Effect.sync(() => server.close())
)

it.live("puts the caller through, cold and warm", () =>
  Effect.gen(function*() {
    const { asked, server } = yield* standIn
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const agent = desk({ url, key: "key", secret: "secret", trunk: "trunk" }, "+4930123456")
    const call = (tool: string) =>
      Testing.scenario({
        room: { kind: "sip" },
        agent,
        user: [Testing.say(1000, 2000, "A person, please.")],
        llm: [{ tools: [{ name: tool }] }],
        tts: { duration: 1500 },
        options: { job: { room: "call-1" }, filler: false }
      })
    const cold = yield* call("transfer")
    assert.strictEqual(cold.messages.at(-1), "output: transfer")
    const warm = yield* call("join")
    // The caller stays in the room: the agent has closed, and not hung up.
    assert.deepStrictEqual(warm.of("SessionClosed").map(({ reason }) => reason), ["closed"])
    assert.deepStrictEqual(asked, [
      "/twirp/livekit.SIP/TransferSIPParticipant",
      "/twirp/livekit.SIP/CreateSIPParticipant"
    ])
  }).pipe(Effect.scoped))
