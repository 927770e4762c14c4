/**
 * @title Hand-off: one agent gives the call to another, history included
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { Agent, Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const billing = Agent.make({
  name: "billing",
  instructions: "You answer questions about invoices.",
  onEnter: Session.Session.use((session) => session.say("This is billing. Your invoice is paid."))
})

const ToBilling = Tool.make("to_billing", {
  description: "Gives the call to the billing department",
  dependencies: [Session.Session]
})

const Tools = Toolkit.make(ToBilling)

const reception = Agent.make({ name: "reception", instructions: "You find the right department.", tools: Tools }).pipe(
  Agent.provide(Tools.toLayer({ to_billing: () => Session.Session.use((session) => session.handoff(billing)) }))
)

const program = Effect.gen(function*() {
  const timeline = yield* Testing.scenario({
    agent: reception,
    user: [Testing.say(500, 2500, "I have a question about my invoice."), Testing.say(9000, 10_000, "Thank you!")],
    llm: ({ prompt, step, text }) => {
      if (text.includes("invoice") && step === 0) return { tools: [{ name: "to_billing" }] }
      if (step > 0) return ""
      return JSON.stringify(prompt).includes("about invoices") ? "You are welcome, says billing." : "Reception here."
    },
    tts: { duration: 1500 }
  })
  for (const { from, to } of timeline.of("AgentChanged")) yield* Console.log(`${from ?? "nobody"} → ${to}`)
  yield* Console.log(timeline.messages.join("\n"))
})

NodeRuntime.runMain(program)
