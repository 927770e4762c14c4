/** An agent and a page to talk to it, without any server but this process: `dev` where LiveKit's variables are not set. */
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import type { Given } from "../Config.ts"
import { within } from "../internal/config/findings.ts"
import { packageFile } from "../internal/packageFiles.ts"
import { answering, makeCalls } from "../internal/webSocket/calls.ts"
import { listen, type Page } from "../internal/webSocket/listen.ts"
import { check } from "../internal/webSocket/options.ts"
import type { Definition } from "../Worker.ts"
import { hold, ready } from "./singleConversation.ts"
import { withTold } from "./told.ts"

/** The page cannot be served. */
export class OverSocketError extends Schema.TaggedError<OverSocketError>("effect-voice/cli/OverSocketError")(
  "OverSocketError",
  { detail: Schema.String }
) {
  override get message(): string {
    return `the page does not run: ${this.detail}`
  }
}

export interface Options {
  /** Port on 127.0.0.1; 0 lets the system choose. */
  readonly port: number
  /** Of each call's job. @default none */
  readonly metadata?: string | undefined
  /** What the environment says of the conversations. */
  readonly given: Given
}

const files = [
  ["/", "browser/index.html", "text/html; charset=utf-8"],
  ["/page.js", "browser/page.js", "text/javascript; charset=utf-8"],
  ["/replies.js", "browser/replies.js", "text/javascript; charset=utf-8"],
  ["/client.js", "browser/client.js", "text/javascript; charset=utf-8"],
  ["/playground.css", "playground/playground.css", "text/css; charset=utf-8"]
] as const

const pages: Effect.Effect<Readonly<Record<string, Page>>, OverSocketError> = Effect.map(
  Effect.forEach(files, ([path, file, contentType]) =>
    Effect.map(
      Effect.tryPromise({
        try: () => readFile(packageFile(`examples/${file}`)),
        catch: () => new OverSocketError({ detail: "a file of the page cannot be read; install the package again" })
      }),
      (body) => [path, { body, contentType }] as const
    )),
  Object.fromEntries
)

/** Whether none of LiveKit's variables is set: then nobody has meant a server. */
export const isWanted: Effect.Effect<boolean> = Effect.map(
  Effect.forEach(
    ["LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"],
    (name) => Effect.orElseSucceed(Config.option(Config.String(name)), () => Option.some(""))
  ),
  (given) => given.every(Option.isNone)
)

/** Serves the page and its calls until the scope closes, and tells where. */
export const serve = (definition: Definition<unknown>, options: Options) =>
  Effect.gen(function*() {
    const settings = yield* check({ port: options.port })
    const entry = yield* ready(definition)
    const desk = answering(settings.calls.mostCalls, (room) =>
      hold(definition, entry, withTold(room), {
        id: room.name,
        identity: room.identity,
        metadata: options.metadata ?? ""
      }))
    const calls = yield* makeCalls(settings.calls, desk)
    const port = yield* Effect.mapError(
      listen({ ...settings.listen, pages: yield* pages, accept: calls.accept }),
      ({ message }) => new OverSocketError({ detail: message.replace("the option port", "--playground-port") })
    )
    return `http://127.0.0.1:${port}`
  })

/** The whole command. */
export const run = (definition: Definition<unknown>, options: Options) =>
  Effect.gen(function*() {
    const url = yield* within(options.given)(serve(definition, options))
    yield* Console.log(`Talk to the agent at ${url} (without a LiveKit server: LIVEKIT_URL is not set)`)
    return yield* Effect.never
  })
