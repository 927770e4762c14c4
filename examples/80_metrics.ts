/**
 * @title The measurements of a call: a summary of a conversation, and the same for Prometheus
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { Metrics } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { PrometheusMetrics } from "effect/observability"

const program = Effect.gen(function*() {
  const collector = Metrics.collector()
  const timeline = yield* Testing.scenario({
    user: [Testing.say(500, 2500, "Hello, how are you?"), Testing.say(9000, 10_000, "And the weather?")],
    llm: ["Very well, thank you.", { text: "It is raining, I am afraid.", firstToken: 400, total: 700 }],
    tts: { duration: 2000, firstByte: 200 }
  })
  for (const event of timeline.events) collector.push(event)
  const summary = collector.summary()
  yield* Console.log(JSON.stringify(summary, null, 2))
  const page = yield* PrometheusMetrics.format()
  yield* Console.log(page.split("\n").filter((line) => /^agent_(?!turn_stage)/.test(line)).join("\n"))
})

NodeRuntime.runMain(program)
