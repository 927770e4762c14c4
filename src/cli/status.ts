/** What a running worker says of itself, for a terminal. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** Nobody answers as a worker does. */
export class StatusError extends Schema.TaggedError<StatusError>("effect-voice/cli/StatusError")("StatusError", {
  url: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.url}: ${this.detail}`
  }
}

const Health = Schema.Struct({
  problems: Schema.Array(Schema.String),
  connection: Schema.String,
  jobs: Schema.Int,
  oldestJobMs: Schema.Finite,
  memoryBytes: Schema.Finite,
  eventLoopDelayMs: Schema.Finite,
  children: Schema.Array(Schema.Struct({
    slot: Schema.Int,
    pid: Schema.optional(Schema.Int),
    state: Schema.String,
    jobs: Schema.Int,
    memoryBytes: Schema.Finite
  }))
})

const Ready = Schema.Struct({
  problem: Schema.optional(Schema.String),
  draining: Schema.Boolean,
  jobs: Schema.Int,
  load: Schema.Finite
})

interface Answer {
  readonly status: number
  readonly text: string
}

const ask = (url: string, path: string, token: string | undefined): Effect.Effect<Answer, StatusError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
      // A worker sends nobody elsewhere.
      const answer = await fetch(url + path, { signal, headers, redirect: "manual" })
      return { status: answer.status, text: await answer.text() }
    },
    catch: () =>
      new StatusError({ url, detail: "nobody answers; is the worker running, with this port (--port, --url)?" })
  }).pipe(
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.fail(new StatusError({ url, detail: "no answer within 5 seconds: its process hangs" }))
    })
  )

const read = <A>(schema: Schema.Codec<A, unknown>, url: string, { text }: Answer): Effect.Effect<A, StatusError> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text),
    () => new StatusError({ url, detail: "no worker's answer; one that wants a token tells nothing without (--token)" })
  )

const lengthOf = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  return seconds < 120
    ? `${seconds} s`
    : seconds < 7200
    ? `${Math.round(seconds / 60)} min`
    : `${Math.round(seconds / 3600)} h`
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`

const breakerStates = ["closed", "half-open", "open"]

/** Those that are not closed, of the text that Prometheus reads. */
const breakersOf = ({ status, text }: Answer): string => {
  if (status !== 200) return `unknown: it serves no metrics (status ${status})`
  const open = Array.from(text.matchAll(/^agent_breaker_state\{([^}]*)\} ([12])$/gm), ([, labels = "", state]) => {
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? "?"
    return `${label("provider")} (${label("component")}) is ${breakerStates[Number(state)]}`
  })
  return open.length === 0 ? "all closed" : open.join("; ")
}

/** Without what may be a secret. */
const shown = (url: string): string => url.replace(/\/\/[^/]*@/, "//…@").replace(/\?.*/s, "?…")

/** One line a thing. */
export const status = (url: string, token: string | undefined): Effect.Effect<string, StatusError> =>
  Effect.gen(function*() {
    const address = URL.parse(url)
    if (address === null || !/^https?:$/.test(address.protocol) || address.username !== "" || address.search !== "") {
      return yield* new StatusError({
        url: shown(url),
        detail:
          "is no address of a worker; --url wants one as http://127.0.0.1:8081, without name, password or question"
      })
    }
    const health = yield* Effect.flatMap(ask(url, "/health", token), (answer) => read(Health, url, answer))
    const ready = yield* Effect.flatMap(ask(url, "/ready", token), (answer) => read(Ready, url, answer))
    const breakers = breakersOf(yield* ask(url, "/metrics", token))
    const line = (name: string, value: string): string => `${name.padEnd(13)}${value}`
    return [
      line("worker", health.problems.length === 0 ? "healthy" : health.problems.join("; ")),
      line("server", health.connection),
      line(
        "takes calls",
        ready.draining ? "no: it drains" : ready.problem === undefined ? "yes" : `no: ${ready.problem}`
      ),
      line("calls", `${ready.jobs}${health.jobs === 0 ? "" : `, the oldest since ${lengthOf(health.oldestJobMs)}`}`),
      line("load", ready.load.toFixed(2)),
      line("memory", megabytes(health.memoryBytes)),
      line("event loop", `${Math.round(health.eventLoopDelayMs)} ms behind`),
      line("breakers", breakers),
      ...health.children.map(({ jobs, memoryBytes, pid, slot, state }) =>
        line(`process ${slot}`, `${state}, ${jobs} calls, ${megabytes(memoryBytes)}, pid ${pid ?? "none"}`)
      )
    ].join("\n")
  })
