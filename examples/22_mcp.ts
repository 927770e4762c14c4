/**
 * @title An agent with the tools of an MCP server, which runs as a program of its own
 *
 * The server is fetched from npm by `npx`. Should it die, its tools fail in
 * words, and it is started again between turns.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { Agent, Tools } from "effect-voice"
import * as Testing from "effect-voice/testing"
import { McpClient, McpProtocol } from "effect/ai"
import { ChildProcess } from "effect/process"

const transport = McpClient.stdio({
  command: ChildProcess.make("npx", ["-y", "@modelcontextprotocol/server-everything", "stdio"]),
  protocol: McpProtocol.v2025_11_25
})

const program = Effect.gen(function*() {
  // One connection for the whole program. `Tools.discovered` has one a conversation, and asks again between turns.
  const client = yield* McpClient.make({ name: "example", version: "1.0.0" }).pipe(
    Effect.provideServiceEffect(McpClient.Transport, transport)
  )
  const toolkit = yield* McpClient.toolkit(client, "every__")
  const tools = yield* Tools.resolve(toolkit)
  yield* Console.log("it offers:", Tools.list(tools).map(({ name }) => name).join(", "))
  const { output } = yield* Tools.execute(tools, { id: "1", name: "every__echo", params: { message: "hello" } })
  yield* Console.log("it says:", output)

  // Virtual time does not wait for another process: here it is asked before, and its answer said.
  const agent = Agent.make({
    instructions: "You repeat what the server says.",
    tools: Tools.functions({ said: { run: () => output } })
  })
  const timeline = yield* Testing.scenario({
    agent,
    user: [Testing.say(500, 1500, "What does it say?")],
    llm: [{ tools: [{ name: "said" }] }, "It says: hello."]
  })
  yield* Console.log(timeline.messages.join("\n"))
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
