/** Servers of MCP tools: one over an `HttpClient` in memory, which answers as it is told to, and a program that may die. */
import { Effect } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { ChildProcess } from "effect/process"

/** What a tool of it does, given its arguments. */
export type Work = (args: Readonly<Record<string, unknown>>) => Effect.Effect<unknown>

export interface Server {
  readonly tools: Map<string, Work>
  /** What it answers in the place of everything, or how the connection breaks; `undefined`: as it should. */
  instead: Effect.Effect<Response, { readonly code: string }> | undefined
  /** How often it was asked for each method. */
  readonly asked: Map<string, number>
  readonly connect: ReturnType<typeof connecting>
}

export const answer = (text: string, isError = false) => Effect.succeed({ content: [{ type: "text", text }], isError })

const connecting = (client: HttpClient.HttpClient) =>
  McpClient.make({ name: "test", version: "1.0.0" }).pipe(
    Effect.provideServiceEffect(
      McpClient.Transport,
      McpClient.http({ url: "http://tools.invalid/mcp", protocol: McpProtocol.v2025_11_25 })
    ),
    Effect.provideService(HttpClient.HttpClient, client)
  )

const inputSchema = {
  type: "object",
  properties: { place: { type: "string" }, nights: { type: "integer" } },
  required: ["place"]
}

export const makeServer = (tools: Readonly<Record<string, Work>>): Server => {
  const result = (method: string, params: any): Effect.Effect<unknown> => {
    switch (method) {
      case "initialize":
        return Effect.succeed({
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "memory", version: "1.0.0" }
        })
      case "tools/list":
        return Effect.succeed({ tools: [...server.tools.keys()].map((name) => ({ name, inputSchema })) })
      default:
        return server.tools.get(params.name)!(params.arguments)
    }
  }
  const client = HttpClient.make((request) =>
    Effect.gen(function*() {
      const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "{}"
      const { id, method = "delete", params } = JSON.parse(body)
      server.asked.set(method, (server.asked.get(method) ?? 0) + 1)
      const respond = (response: Response) => HttpClientResponse.fromWeb(request, response)
      const broken = (cause: { readonly code: string }) =>
        new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
      if (server.instead !== undefined) return respond(yield* Effect.mapError(server.instead, broken))
      if (id === undefined) return respond(new Response(null, { status: 202 }))
      return respond(Response.json({ jsonrpc: "2.0", id, result: yield* result(method, params) }))
    })
  )
  const server: Server = {
    tools: new Map(Object.entries(tools)),
    instead: undefined,
    asked: new Map(),
    connect: connecting(client)
  }
  return server
}

const program = `
  const send = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n")
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, params } = JSON.parse(line)
    const serverInfo = { name: "mortal", version: "1.0.0" }
    const tool = (name) => ({ name, inputSchema: { type: "object" } })
    if (method === "initialize") send(id, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo })
    if (method === "tools/list") send(id, { tools: [tool("die"), tool("pid")] })
    if (method !== "tools/call") return
    if (params.name === "die") process.exit(1)
    send(id, { content: [{ type: "text", text: String(process.pid) }] })
  })`

/** A process with two tools: `pid` gives its number, `die` ends it. */
export const mortal = McpClient.make({ name: "test", version: "1.0.0" }).pipe(
  Effect.provideServiceEffect(
    McpClient.Transport,
    McpClient.stdio({
      command: ChildProcess.make(process.execPath, ["-e", program]),
      protocol: McpProtocol.v2025_11_25
    })
  )
)
