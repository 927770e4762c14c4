/**
 * @title Background work: a booking that takes longer than the caller is silent
 *
 * The reply does not wait for the tool. Its result is told when it is nobody's
 * turn, or sent as a message where the caller has hung up by then.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Book = Tool.make("book", {
  description: "Books a room: takes a while",
  parameters: Schema.Struct({ room: Schema.Int }),
  success: Schema.String
}).annotateMerge(Tools.voice({ background: { limit: "2 minutes" } }))

const Kit = Toolkit.make(Book)

const desk = Agent.make({
  instructions: "You book rooms.",
  tools: Kit,
  onOrphanedResult: ({ output }) => Console.log("sent as a message:", output)
}).pipe(
  // The id of the call is the back end's key, too: a booking that is sent twice is one.
  Agent.provide(Kit.toLayer({
    book: ({ room }, { toolCallId }) => Effect.delay(Effect.succeed(`room ${room}, as ${toolCallId}`), "8 seconds")
  }))
)

const call = (user: ReadonlyArray<Testing.UserAction>) =>
  Effect.gen(function*() {
    const timeline = yield* Testing.scenario({
      agent: desk,
      user,
      llm: ({ prompt, text }) => {
        if (JSON.stringify(prompt).includes("as call-1")) return "Room seven is yours."
        const asked = prompt.content.some(({ role }) => role === "tool")
        return asked ? (text.startsWith("Book") ? "I am booking it." : "I am still working on it.") : {
          tools: [{ name: "book", params: { room: 7 } }]
        }
      },
      tts: { duration: 1500 }
    })
    yield* Console.log(timeline.messages.join("\n"))
  })

const book = Testing.say(500, 1500, "Book room seven.")

const program = Effect.andThen(
  call([book, Testing.say(6000, 7000, "Hello? Are you there?")]),
  call([book, Testing.leave(6000)])
)

NodeRuntime.runMain(program)
