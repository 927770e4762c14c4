/** A stack over real connections: servers that answer, refuse, hang, break off and talk nonsense, in turn. */
// Alone: listens to what nobody in the process has handled.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Stream } from "effect"
import { Llm } from "effect-voice"
import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
import { Prompt } from "effect/ai"
import type { ServerResponse } from "node:http"
import * as provider from "../support/provider.ts"

const key = "sk-do-not-tell"
const event = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: "1", choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

const stream = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" })

/** Eleven ways in which a request may fare; every second one goes well. */
const fates: ReadonlyArray<(response: ServerResponse) => void> = [
  (response) => stream(response).end(`${event("Yes.")}${event("", "stop")}data: [DONE]\n\n`),
  (response) => response.writeHead(500).end("no"),
  (response) => response.writeHead(429, { "retry-after": "3600" }).end(`{"error":{"message":"${key}"}}`),
  (response) => response.writeHead(401).end(`{"error":{"message":"${key}"}}`),
  (response) => response.destroy(),
  (response) => {
    stream(response).write(event("Well,"), () => response.destroy())
  },
  (response) => stream(response).end("data: {\"id\": \"1\", \"choices\": [{\n\n"),
  (response) => stream(response).write("data: {\"id\""),
  () => {},
  (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  (response) => stream(response).end(Buffer.from([0xff, 0xfe, 0x80]))
]

describe("a fallback over two servers that fail in every way", () => {
  it.live(
    "answers, is interrupted at any moment, and leaves no connection, no rejection and no key behind",
    () =>
      Effect.gen(function*() {
        const unhandled: Array<unknown> = []
        const listener = (error: unknown) => void unhandled.push(error)
        process.on("unhandledRejection", listener)
        process.on("uncaughtException", listener)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            process.off("unhandledRejection", listener)
            process.off("uncaughtException", listener)
          })
        )
        let open = 0
        let onClose = () => {}
        let calm = false
        const serve = (first: number) =>
          provider.http(({ index }, response) => {
            open += 1
            response.on("close", () => {
              open -= 1
              onClose()
            })
            fates[calm || index % 2 === first ? 0 : (index * 7 + first) % fates.length]!(response)
          })
        const connect = (name: string, url: string) =>
          OpenAiLlm.make({ apiKey: Redacted.make(key), baseUrl: `${url}/v1`, name })
        const [one, two] = yield* Effect.all([serve(0), serve(1)])
        const [first, second] = yield* Effect.all([connect("first", one.url), connect("second", two.url)])
        const policy = { retries: 1, firstOutput: "500 millis", nextOutput: "500 millis" } as const
        const llm = yield* Llm.fallback([
          Llm.hedge([first.llm, second.llm], { after: "100 millis", policy }),
          second.llm
        ], { policy })
        const ask = (i: number) =>
          Stream.runCollect(llm.reply({ prompt: Prompt.make("Hello"), tools: [] })).pipe(
            // Every third of them is interrupted, each at another moment.
            i % 3 === 0 ? Effect.timeoutOption(`${i} millis`) : Effect.asSome,
            Effect.exit
          )
        const exits = yield* Effect.forEach(Array.from({ length: 60 }, (_, i) => i), ask, { concurrency: 10 })
        const answered = exits.filter((exit) => Exit.isSuccess(exit) && exit.value._tag === "Some").length
        assert.isAbove(answered, 20)
        for (const exit of exits) {
          if (Exit.isFailure(exit)) assert.notInclude(JSON.stringify(exit.cause), key)
          if (Exit.isFailure(exit)) assert.isFalse(Exit.hasDies(exit) || Exit.hasInterrupts(exit))
        }
        // What was interrupted is closed as its servers see it.
        yield* Effect.callback<void>((resume) => {
          onClose = () => {
            if (open === 0) resume(Effect.void)
          }
          onClose()
        }).pipe(Effect.timeout("5 seconds"))
        assert.deepStrictEqual(unhandled, [])
        // When the servers are well again, so are the connections to them.
        calm = true
        const patient = yield* Llm.fallback([first.llm, second.llm])
        const said = yield* Stream.runCollect(patient.reply({ prompt: Prompt.make("Hello"), tools: [] }))
        assert.deepInclude(said, { _tag: "Text", text: "Yes." })
        assert.deepStrictEqual(yield* patient.available, ["first", "second"])
      })
  )
})
