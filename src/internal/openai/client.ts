/**
 * The door to the package openai: one client a layer, over the kept connections
 * of the process, without its retries, its logging and its environment.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { OpenAI } from "openai"
import * as Failure from "../../Failure.ts"
import { notLoaded } from "../notLoaded.ts"
import { bounded, tooLarge } from "../provider/bounded.ts"
import { fetch } from "../provider/fetch.ts"
import { disconnected, judged, rejected } from "../provider/http.ts"
import * as lines from "../provider/lines.ts"
import * as refusals from "../provider/refusals.ts"
import { errorIn, refused, type Told, toldReason } from "../provider/told.ts"
import { given, lively } from "../resilience/signs.ts"
import { codeOf } from "../thrown.ts"

type Header = string | Redacted.Redacted

export const reveal = (header: Header): string => Redacted.isRedacted(header) ? Redacted.value(header) : header

/** What every layer of OpenAI is told. */
export interface Access {
  /** OpenAI requires it. A server of your own may not. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Address of a compatible server, with its `/v1`. @default "https://api.openai.com/v1" */
  readonly baseUrl?: string | undefined
  readonly organization?: string | undefined
  readonly project?: string | undefined
  /** Sent with each request, or with the handshake of a socket. @default none */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** Name of the provider in errors, events and usage. @default "openai" */
  readonly name?: string | undefined
}

/** What tells a server who asks; the package says it of requests itself, and of sockets nobody else does. */
export const handshake = ({ apiKey, headers, organization, project }: Access): Readonly<Record<string, Header>> => ({
  ...headers,
  ...(organization === undefined ? undefined : { "openai-organization": organization }),
  ...(project === undefined ? undefined : { "openai-project": project }),
  ...(apiKey === undefined ? undefined : { authorization: Redacted.make(`Bearer ${Redacted.value(apiKey)}`) })
})

export const provider = "openai"

export const defaultBaseUrl = "https://api.openai.com/v1"

export const invalid = (detail: string): Failure.InvalidRequest => new Failure.InvalidRequest({ detail })

export const isHeader = (text: string): boolean => /^[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*$/.test(text)

const load = Effect.tryPromise({
  try: () => import("openai"),
  catch: (cause) => invalid(notLoaded("openai", cause))
})

const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }

/** Opens the client; nothing is connected yet. */
export const open: (access: Access) => Effect.Effect<OpenAI, Failure.InvalidRequest> = Effect.fnUntraced(
  function*(access) {
    const { OpenAI } = yield* load
    const pooled = yield* fetch
    return new OpenAI({
      // Told explicitly, because the package would look them up in the environment.
      apiKey: access.apiKey === undefined ? "none" : Redacted.value(access.apiKey),
      adminAPIKey: null,
      organization: access.organization ?? null,
      project: access.project ?? null,
      webhookSecret: null,
      baseURL: access.baseUrl ?? defaultBaseUrl,
      defaultHeaders: {
        ...Object.fromEntries(Object.entries(access.headers ?? {}).map(([name, value]) => [name, reveal(value)])),
        ...(access.apiKey === undefined ? { Authorization: null } : undefined)
      },
      fetch: bounded(pooled),
      maxRetries: 0,
      logger: silent,
      logLevel: "off"
    })
  }
)

const headersOf = (error: object): (name: string) => string | undefined => {
  const headers: unknown = "headers" in error ? error.headers : undefined
  return (name) => headers instanceof Headers ? headers.get(name) ?? undefined : undefined
}

const notJson = new Failure.InvalidResponse({ detail: "the answer is not the JSON that was expected" })

/** What a server says in plain text, behind the status that the package puts before it. */
const textIn = (error: object): string | undefined => {
  const text = "message" in error && typeof error.message === "string" ? error.message.replace(/^\d+ /, "") : ""
  return text === "" || text.startsWith("<") || text === "status code (no body)" ? undefined : text
}

/** What the package threw, without message, URL, headers and body. */
const reasonOf = (error: unknown): Effect.Effect<Failure.Reason> => {
  if (error instanceof SyntaxError) return Effect.succeed(notJson)
  if (!Predicate.isObject(error)) return Effect.succeed(new Failure.Broken({}))
  const told: Told = error
  const status: unknown = "status" in error ? error.status : undefined
  if (typeof status === "number") {
    const said = ("error" in error ? error.error : undefined) ?? textIn(error)
    return Effect.map(rejected(status, headersOf(error)), (rejected) => {
      const facts = Predicate.isObject(said) ? { ...said, code: told.code, type: told.type } : told
      const reason = judged(rejected, facts)
      return refusals.keep(
        reason === rejected && (status === 400 || status === 422) ? refused(status, told) : reason,
        said
      )
    })
  }
  const code = codeOf(error)
  if (code === tooLarge) return Effect.succeed(new Failure.InvalidResponse({ detail: "the answer is too large" }))
  // Only an answer that was told in the stream itself carries these without a status.
  if ("param" in error && "type" in error && "error" in error && error.error !== undefined) {
    return Effect.succeed(toldReason(told))
  }
  return Effect.succeed(disconnected(error))
}

interface Thrown {
  readonly error: unknown
}

/** Asks for one answer; interrupting closes the request. */
const ask = <A>(request: (signal: AbortSignal) => PromiseLike<A>): Effect.Effect<A, Failure.Reason> =>
  Effect.catch(
    Effect.tryPromise({ try: request, catch: (error): Thrown => ({ error }) }),
    ({ error }) => Effect.flatMap(reasonOf(error), Effect.fail)
  )

const answersAs = (response: Response, types: ReadonlyArray<string>): Effect.Effect<void, Failure.InvalidResponse> => {
  const type = response.headers.get("content-type")
  return type === null || types.some((start) => type.toLowerCase().startsWith(start))
    ? Effect.void
    : Effect.fail(new Failure.InvalidResponse({ detail: `the answer has the content type "${type.slice(0, 100)}"` }))
}

/** A request that lives as long as the scope of the stream that reads its answer; `over` says that it was answered. */
const lasting = Effect.fnUntraced(function*<A>(request: (signal: AbortSignal) => PromiseLike<A>, over: () => boolean) {
  const controller = yield* Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (controller) => Effect.sync(() => over() ? undefined : controller.abort())
  )
  return yield* ask(() => request(controller.signal))
})

/** Reads one after the other, as soon as each is there; never waits for a reader that was left. */
const read = <A>(next: () => Promise<IteratorResult<A, unknown>>): Stream.Stream<A, Failure.Reason> =>
  Stream.unfold(undefined, () =>
    Effect.map(
      ask(next),
      (result) => result.done === true ? undefined : [result.value, undefined] as const
    ))

const bytesOf = (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  onEnd: () => void
): Stream.Stream<Uint8Array, Failure.Reason> =>
  lively(read(async (): Promise<IteratorResult<Uint8Array, unknown>> => {
    const { done, value } = await reader.read()
    if (!done) return { done, value }
    onEnd()
    return { done, value: undefined }
  }))

const eventOf = (text: string): Effect.Effect<unknown, Failure.Reason> =>
  Effect.suspend(() => {
    if (text.trim() === lines.doneMark) return Effect.succeed(lines.doneMark)
    try {
      const event: unknown = JSON.parse(text)
      const error = errorIn(event)
      return error === undefined ? Effect.succeed(event) : Effect.fail(error)
    } catch {
      return Effect.fail(notJson)
    }
  })

/**
 * The events of an answer as they come: JSON, and the mark of the end, which
 * the package keeps to itself. A reader that leaves after the last event does
 * not close the connection.
 */
export const events = (
  request: (signal: AbortSignal) => { readonly asResponse: () => PromiseLike<Response> },
  isLast: (event: unknown) => boolean
): Stream.Stream<unknown, Failure.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    let over = false
    const response = yield* lasting((signal) => request(signal).asResponse(), () => over)
    yield* given
    yield* answersAs(response, lines.types)
    const reader = response.body?.getReader()
    if (reader === undefined) return Stream.empty
    yield* Effect.addFinalizer(() => Effect.sync(() => over ? void reader.cancel().catch(() => {}) : undefined))
    const isEnd = (event: unknown) => event === lines.doneMark || isLast(event)
    return lines.events("sse")(bytesOf(reader, () => {
      over = true
    })).pipe(
      Stream.mapEffect((text) =>
        Effect.map(eventOf(text), (event) => {
          over ||= isEnd(event)
          return event
        })
      ),
      Stream.takeUntil(isEnd)
    )
  }))

/** The bytes of an answer as they come. */
export const bytes = (
  request: (signal: AbortSignal) => PromiseLike<Response>,
  types: ReadonlyArray<string>
): Stream.Stream<Uint8Array, Failure.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    let over = false
    const response = yield* lasting(request, () => over)
    yield* given
    yield* answersAs(response, types)
    const reader = response.body?.getReader()
    if (reader === undefined) return Stream.empty
    return bytesOf(reader, () => {
      over = true
    })
  }))

/** Opens a connection by the one request that every server answers for nothing: its list of models. */
export const prewarm = (client: OpenAI): Effect.Effect<void, Failure.Reason> =>
  ask((signal) => client.get("/models", { signal })).pipe(
    Effect.asVoid,
    // The connection is open all the same where a server has no such list.
    Effect.catchIf(
      (reason) => reason._tag === "Rejected" && (reason.status === 404 || reason.status === 405),
      () => Effect.void
    )
  )
