/**
 * @title Three agents of one restaurant: each with its own tools, and one booking between them
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Context, Effect, Layer, Ref, Schema } from "effect"
import { Agent, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

// What the agents of one call share: each of them is given this layer, and a session builds it once.
interface Details {
  readonly name?: string
  readonly table?: string
  readonly paid?: number
}

class Booking extends Context.Service<Booking, {
  readonly details: Effect.Effect<Details>
  readonly add: (details: Details) => Effect.Effect<void>
}>()("effect-voice/examples/61_three-agents/Booking") {}

const BookingLive = Layer.effect(
  Booking,
  Effect.gen(function*() {
    const details = yield* Ref.make<Details>({})
    return Booking.of({
      details: Ref.get(details),
      add: (more) => Ref.update(details, (known) => ({ ...known, ...more }))
    })
  })
)

const say = (text: string) => Session.Session.use((session) => session.say(text))
const handoff = (agent: Agent.Agent<Session.Session>) => Session.Session.use((session) => session.handoff(agent))

// The greeter. Who comes back to it brings a booking along. Its type is written down, because it stands in a circle.
const GreeterTools = Toolkit.make(
  Tool.make("to_reservations", {
    description: "Gives the call to reservations",
    parameters: Schema.Struct({ name: Schema.String }),
    dependencies: [Session.Session]
  })
)

const greeter: Agent.Agent<Session.Session> = Agent.make({
  name: "greeter",
  instructions: "You answer the phone of a restaurant. Ask for the caller's name.",
  tools: GreeterTools,
  onEnter: Booking.use(({ details }) =>
    Effect.flatMap(details, ({ name, paid, table }) =>
      say(
        paid === undefined
          ? "Harbour Restaurant, good evening! Who is calling?"
          : `All is set, ${name}: ${table}, and ${paid} euros are paid. Anything else?`
      ))
  )
}).pipe(
  Agent.provide(GreeterTools.toLayer({ to_reservations: ({ name }) => handoff(reservations({ name })) })),
  Agent.provide(BookingLive)
)

// Reservations. What it must know is handed on as an argument, and typed.
const ReservationTools = Toolkit.make(
  Tool.make("look_up", {
    description: "Which tables are free",
    parameters: Schema.Struct({ time: Schema.String }),
    success: Schema.String
  }),
  Tool.make("book", {
    description: "Books a table and gives the call to payment",
    parameters: Schema.Struct({ guests: Schema.Int, time: Schema.String }),
    dependencies: [Session.Session]
  })
)

const ReservationToolsLive = ReservationTools.toLayer(Effect.gen(function*() {
  const booking = yield* Booking
  return {
    look_up: ({ time }) => Effect.succeed(`The window table is free at ${time}.`),
    book: ({ guests, time }) =>
      Effect.andThen(
        booking.add({ table: `a table for ${guests} at ${time}` }),
        handoff(payment({ deposit: guests * 10 }))
      )
  }
}))

const reservations = ({ name }: { readonly name: string }): Agent.Agent<Session.Session> =>
  Agent.make({
    name: "reservations",
    instructions: `You book tables. The caller's name is ${name}.`,
    tools: ReservationTools,
    onEnter: Effect.andThen(
      Booking.use((booking) => booking.add({ name })),
      say(`Hello ${name}, for when, and for how many?`)
    )
  }).pipe(Agent.provide(ReservationToolsLive), Agent.provide(BookingLive))

// Payment. It has a `look_up`, too, and waits longer: people stop for breath in a card's number.
const PaymentTools = Toolkit.make(
  Tool.make("look_up", { description: "Whether a deposit is due", success: Schema.String }),
  Tool.make("take_deposit", {
    description: "Takes the deposit and gives the call back",
    parameters: Schema.Struct({ card: Schema.String }),
    dependencies: [Session.Session]
  })
)

const payment = ({ deposit }: { readonly deposit: number }): Agent.Agent<Session.Session> =>
  Agent.make({
    name: "payment",
    instructions: "You take deposits.",
    tools: PaymentTools,
    turn: { endpointing: { minDelay: "1500 millis", maxDelay: "5 seconds" } },
    onEnter: say("There is a deposit to pay. Your card's number, please.")
  }).pipe(
    Agent.provide(PaymentTools.toLayer(Effect.gen(function*() {
      const booking = yield* Booking
      return {
        look_up: () => Effect.succeed(`${deposit} euros are due.`),
        take_deposit: () => Effect.andThen(booking.add({ paid: deposit }), handoff(greeter))
      }
    }))),
    Agent.provide(BookingLive)
  )

const program = Effect.gen(function*() {
  const timeline = yield* Testing.scenario({
    agent: greeter,
    // Each reply below is meant for a whole turn: no guesses.
    options: { turn: { preemption: { llm: false } } },
    user: [
      Testing.say(4000, 6000, "This is Ada, I want a table."),
      Testing.say(11_000, 13_000, "Half past seven, for two."),
      Testing.say(18_000, 19_000, "Yes, please."),
      Testing.say(24_000, 25_000, "How much is it?"),
      Testing.say(30_000, 33_000, "Four one one one."),
      Testing.say(34_000, 36_000, "Two two two two.")
    ],
    llm: [
      { tools: [{ name: "to_reservations", params: { name: "Ada" } }] },
      { tools: [{ name: "look_up", params: { time: "19:30" } }] },
      "Our window table is free. Shall I book it?",
      { tools: [{ name: "book", params: { guests: 2, time: "19:30" } }] },
      { tools: [{ name: "look_up" }] },
      "Twenty euros.",
      { tools: [{ name: "take_deposit", params: { card: "41112222" } }] }
    ],
    tts: { duration: 2000 }
  })
  for (const { from, to } of timeline.of("AgentChanged")) yield* Console.log(`${from ?? "nobody"} → ${to}`)
  for (const { calls } of timeline.of("FunctionCallsFinished")) {
    for (const { name, result } of calls) yield* Console.log(`${name}: ${JSON.stringify(result)}`)
  }
  const words = timeline.messages.filter((message) => /^(user|assistant)/.test(message))
  yield* Console.log(words.join("\n"))
})

NodeRuntime.runMain(program)
