/**
 * @title An assistant with three tools: weather, meetings, a knowledge base
 *
 * Parameters and results are Schemas: the model is told their JSON Schema, what
 * it writes is validated, and a default fills what it leaves out.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Clock, Console, Effect, Schema } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { Tool, Toolkit } from "effect/ai"

const Units = Schema.Literals(["celsius", "fahrenheit"]).annotate({ description: "Temperature units" })

const GetWeather = Tool.make("get_weather", {
  description: "Get current weather information for a location",
  parameters: Schema.Struct({
    location: Schema.String.annotate({ description: "City name or location" }),
    units: Units.pipe(Schema.withDecodingDefaultKey(Effect.succeed("celsius" as const)))
  }),
  success: Schema.Struct({
    location: Schema.String,
    temperature: Schema.Finite,
    units: Units,
    condition: Schema.String,
    humidity: Schema.Finite
  })
})

const ScheduleMeeting = Tool.make("schedule_meeting", {
  description: "Schedule a meeting",
  parameters: Schema.Struct({
    title: Schema.String,
    datetime: Schema.String.annotate({ description: "ISO 8601" }),
    participants: Schema.Array(Schema.String)
  }),
  success: Schema.Struct({
    meeting_id: Schema.String,
    title: Schema.String,
    datetime: Schema.String,
    participants: Schema.Array(Schema.String),
    status: Schema.String
  })
})

const SearchKnowledgeBase = Tool.make("search_knowledge_base", {
  description: "Search the internal knowledge base",
  parameters: Schema.Struct({
    query: Schema.String,
    limit: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(5)))
  }),
  success: Schema.Struct({
    query: Schema.String,
    results: Schema.Array(Schema.Struct({ title: Schema.String, content: Schema.String, score: Schema.Finite })),
    total_results: Schema.Int
  })
})

const Toolset = Toolkit.make(GetWeather, ScheduleMeeting, SearchKnowledgeBase)

const passages = [
  { title: "Result 1", content: "Content 1", score: 0.95 },
  { title: "Result 2", content: "Content 2", score: 0.87 }
]

const ToolsetLive = Toolset.toLayer({
  get_weather: ({ location, units }) =>
    Effect.succeed({ location, temperature: 22, units, condition: "sunny", humidity: 65 }),
  schedule_meeting: (meeting) =>
    Effect.map(Clock.currentTimeMillis, (now) => ({
      meeting_id: `meeting_${Math.floor(now / 1000)}`,
      ...meeting,
      status: "scheduled"
    })),
  search_knowledge_base: ({ limit, query }) => {
    const results = passages.slice(0, limit)
    return Effect.succeed({ query, results, total_results: results.length })
  }
})

export const assistant = Agent.make({
  name: "assistant",
  instructions: `You are a helpful AI voice assistant. You can:
1. Provide weather information using the get_weather function
2. Schedule meetings using the schedule_meeting function
3. Search the knowledge base using the search_knowledge_base function
4. Answer general questions conversationally

Keep responses concise and natural for voice interaction.
Always use functions when appropriate rather than making up information.`,
  tools: Toolset
})

const program = Effect.gen(function*() {
  // A tool alone: no model, no conversation. `units` was left out.
  const tools = yield* Tools.resolve(Toolset)
  const { output } = yield* Tools.execute(tools, { id: "1", name: "get_weather", params: { location: "Oslo" } })
  yield* Console.log("alone:", JSON.stringify(output))

  // The same in a conversation, where a scripted model asks for all three.
  const timeline = yield* Testing.scenario({
    agent: assistant,
    user: [Testing.say(500, 4000, "What is the weather in Paris, what do you know of it, and meet Ann at noon.")],
    llm: [
      {
        tools: [
          { name: "get_weather", params: { location: "Paris" } },
          { name: "search_knowledge_base", params: { query: "Paris" } },
          {
            name: "schedule_meeting",
            params: { title: "Lunch", datetime: "2030-05-01T12:00:00Z", participants: ["Ann"] }
          }
        ]
      },
      "It is sunny, I found two articles, and you meet Ann at noon."
    ]
  })
  for (const { calls } of timeline.of("FunctionCallsFinished")) {
    for (const call of calls) yield* Console.log(call.name, "→", JSON.stringify(call.result))
  }
  yield* Console.log(timeline.messages.join("\n"))
}).pipe(Effect.provide(ToolsetLive))

NodeRuntime.runMain(program)
