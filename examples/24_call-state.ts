/**
 * @title A value that a call keeps: an order that tools, hooks and agents share
 *
 * A state is one typed value with a schema. It outlives a hand-off, each change
 * is an event, and what does not fit is refused.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Schema } from "effect"
import { Agent, CallState, Session, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Line = Schema.Struct({
  item: Schema.String,
  count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
})
const Order = CallState.make("order", Schema.Array(Line), { initial: [] })

const Add = Tool.make("add", {
  description: "Adds to the order",
  parameters: Schema.Struct({ item: Schema.String, count: Schema.Finite }),
  success: Order.schema,
  failure: Tools.ToolError,
  dependencies: [Session.Session]
})
const Pay = Tool.make("pay", { description: "Gives the call to the till", dependencies: [Session.Session] })
const Kit = Toolkit.make(Add, Pay)

// Plain functions read and set it, too.
const till = Agent.make({
  name: "till",
  instructions: "You take the money.",
  onEnter: (session) => {
    const lines = session.callState(Order).get().map(({ count, item }) => `${count} ${item}`)
    return session.say(`That is ${lines.join(" and ")}.`)
  }
})

const waiter = Agent.make({ name: "waiter", instructions: "You take orders.", tools: Kit }).pipe(
  Agent.provide(Kit.toLayer({
    add: (line) =>
      Order.update((lines) => [...lines, line]).pipe(
        Effect.mapError(() => new Tools.ToolError({ message: "One to nine of a kind." }))
      ),
    pay: () => Session.Session.use((session) => session.handoff(till))
  }))
)

const add = (item: string, count: number): Testing.LlmToolCall => ({ name: "add", params: { item, count } })

const program = Effect.gen(function*() {
  const timeline = yield* Testing.scenario({
    agent: waiter,
    user: [
      Testing.say(500, 2000, "Two pizzas and a hundred coffees."),
      Testing.say(6000, 7000, "Then one coffee."),
      Testing.say(11_000, 12_000, "I pay.")
    ],
    llm: [
      { tools: [add("pizza", 2), add("coffee", 100)] },
      "Two pizzas. Coffees I have nine of.",
      { tools: [add("coffee", 1)] },
      "One coffee.",
      { tools: [{ name: "pay" }] }
    ],
    tts: { duration: 1500 }
  })
  for (const { at, value } of timeline.of("CallStateChanged")) yield* Console.log(at, JSON.stringify(value))
  yield* Console.log(timeline.messages.at(-1))
  yield* Console.log("kept:", JSON.stringify(timeline.callState(Order)))
})

NodeRuntime.runMain(program)
