/**
 * HTTP as providers are asked: over kept connections, without spans (URLs and
 * headers may hold keys), failing with a `Failure.Reason`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { given, lively } from "../resilience/signs.ts"
import { codeOf, deepest, readable } from "../thrown.ts"
import { isDense, tooDense } from "./dense.ts"
import { fetch } from "./fetch.ts"
import { lengthMs } from "./lengths.ts"
import * as refusals from "./refusals.ts"
import { isQuota, type Told, unreadableIn, waitIn } from "./told.ts"
import * as utf8 from "./utf8.ts"

/** Largest answer in bytes that is kept in memory at once. */
const maxBytes = 64 * 1024 * 1024

/** The same of one that is read as a whole, as text. */
const maxText = 2 * 1024 * 1024

/** A number above this is no count of seconds, but a date in seconds since 1970. */
const leastDate = 1_000_000_000

const waitMs = (value: string, now: number): number | undefined => {
  const text = value.trim()
  if (text === "") return undefined
  // Of a header that came twice.
  const seconds = Number(/^(\d+(?:\.\d+)?)(?:\s*,.*)?$/.exec(text)?.[1] ?? text)
  if (seconds >= leastDate) return seconds * 1000 - now
  if (!Number.isNaN(seconds)) return seconds * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? lengthMs(text) : date - now
}

/** Wait in ms that `retry-after-ms` or `retry-after` asks for: a number of seconds, a length, or a date. */
const retryAfterMs = (header: (name: string) => string | undefined, now: number): number | undefined => {
  const exact = Number.parseFloat(header("retry-after-ms") ?? header("x-ms-retry-after-ms") ?? "")
  if (exact >= 0 && Number.isFinite(exact)) return exact
  const ms = waitMs(header("retry-after") ?? "", now)
  return ms !== undefined && Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

/** What an answer with an error status means. */
export const rejected = (
  status: number,
  header: (name: string) => string | undefined
): Effect.Effect<Failure.Rejected> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const wait = retryAfterMs(header, now)
    return new Failure.Rejected({ status, ...(wait === undefined ? undefined : { retryAfterMs: wait }) })
  })

/** Host and port that could not be reached, and nothing else of the address. */
const peerOf = (thrown: unknown, depth = 0): string | undefined => {
  const cause = readable(thrown)
  if (!Predicate.isObject(cause) || depth >= deepest) return undefined
  const { address, cause: inner, errors, hostname, port } = cause as Readonly<Record<string, unknown>>
  const host = typeof hostname === "string" ? hostname : address
  if (typeof host === "string") {
    const shown = host.includes(":") ? `[${host}]` : host
    return typeof port === "number" ? `${shown}:${port}` : shown
  }
  if (!Array.isArray(errors)) return peerOf(inner, depth + 1)
  for (const one of errors.slice(0, deepest)) {
    const peer = peerOf(one, depth + 1)
    if (peer !== undefined) return peer
  }
  return undefined
}

/** What a broken connection is told as. */
export const disconnected = (cause: unknown): Failure.Disconnected => {
  const code = codeOf(cause)
  const peer = peerOf(cause)
  return new Failure.Disconnected({ ...(code === undefined ? {} : { code }), ...(peer === undefined ? {} : { peer }) })
}

/** Pieces of an answer that are read only for the sake of the connection. */
const maxWarm = 64

/** Statuses whose meaning the body tells. */
const explained: ReadonlySet<number> = new Set([400, 413, 422, 429])

const errorOf = (text: string): object | undefined => {
  try {
    const json: unknown = JSON.parse(text)
    const told: unknown = Array.isArray(json) ? json[0] : json
    const error = Predicate.hasProperty(told, "error") ? told.error : told
    return Predicate.isObject(error) ? error : Predicate.isObject(told) ? told : undefined
  } catch {
    return undefined
  }
}

const explain = (refusal: Failure.Rejected, text: string): Failure.Reason => {
  const error = errorOf(text)
  return error === undefined ? refusal : judged(refusal, error)
}

/** What a refusal is that its body says more of. */
export const judged = (refusal: Failure.Rejected, error: Told): Failure.Rejected | Failure.Broken => {
  const { retryAfterMs, status } = refusal
  if (status === 429 && isQuota(error)) return new Failure.Rejected({ status: 402 })
  if (status === 400 || status === 422) return unreadableIn(error) ?? refusal
  const wait = retryAfterMs ?? waitIn(error)
  return wait === undefined || wait === retryAfterMs ? refusal : new Failure.Rejected({ status, retryAfterMs: wait })
}

/** What went wrong, without URL, headers and body. */
const reasonOf = ({ reason }: HttpClientError.HttpClientError): Effect.Effect<Failure.Reason> => {
  switch (reason._tag) {
    case "StatusCodeError": {
      const { headers, status } = reason.response
      const refusal = rejected(status, (name) => headers[name])
      if (!explained.has(status)) return refusal
      const body = Stream.mkString(Stream.take(Stream.decodeText(reason.response.stream), maxWarm))
      return Effect.zipWith(
        refusal,
        Effect.orElseSucceed(Effect.timeout(body, "1 second"), () => ""),
        (refusal, text) => refusals.keepText(explain(refusal, text), text)
      )
    }
    case "TransportError":
      return Effect.succeed(disconnected(reason.cause))
    case "DecodeError":
      return Effect.succeed(
        codeOf(reason.cause) === undefined
          ? new Failure.InvalidResponse({ detail: "the answer is not what its content type says" })
          : disconnected(reason.cause)
      )
    case "EmptyBodyError":
      return Effect.succeed(new Failure.InvalidResponse({ detail: "the answer is empty" }))
    case "EncodeError":
      return Effect.succeed(new Failure.InvalidRequest({ detail: "the request cannot be encoded" }))
    case "InvalidUrlError":
      return Effect.succeed(new Failure.InvalidRequest({ detail: "baseUrl: this is not a URL" }))
  }
}

/**
 * Asks, and gives the answer if its status is 2xx. Interrupting closes the
 * connection, also while the body is read.
 */
export interface Http {
  /**
   * The answer as it comes, at most 64 MiB. `types` are the beginnings of the
   * content types that are understood: a page of a proxy is not audio.
   */
  readonly stream: (
    request: HttpClientRequest.HttpClientRequest,
    types?: ReadonlyArray<string>
  ) => Stream.Stream<Uint8Array, Failure.Reason>
  /** The whole answer, as text. */
  readonly text: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<string, Failure.Reason>
  /** The whole answer, decoded from JSON. */
  readonly json: <A>(
    request: HttpClientRequest.HttpClientRequest,
    schema: Schema.Codec<A, unknown>
  ) => Effect.Effect<A, Failure.Reason>
  /** Opens the connection to a server, which is then kept: whatever it answers. */
  readonly warm: (url: string) => Effect.Effect<void, Failure.Reason>
}

const tooLarge = (most: number) => new Failure.InvalidResponse({ detail: `the answer is larger than ${most} bytes` })

const bounded = (
  self: Stream.Stream<Uint8Array, Failure.Reason>,
  most: number
): Stream.Stream<Uint8Array, Failure.Reason> =>
  Stream.mapAccumEffect(self, () => 0, (total: number, bytes) =>
    total + bytes.length > most
      ? Effect.fail(tooLarge(most))
      : Effect.succeed([total + bytes.length, [bytes]] as const))

const dense = new Failure.InvalidResponse({ detail: `the answer cannot be read: ${tooDense}` })

const understood = (
  response: HttpClientResponse.HttpClientResponse,
  types: ReadonlyArray<string> | undefined
): Effect.Effect<HttpClientResponse.HttpClientResponse, Failure.InvalidResponse> => {
  const type = response.headers["content-type"]
  return types === undefined || type === undefined || types.some((start) => type.toLowerCase().startsWith(start))
    ? Effect.succeed(response)
    : Effect.fail(new Failure.InvalidResponse({ detail: `the answer has the content type "${type.slice(0, 100)}"` }))
}

/** Decodes a text that should be JSON of a shape. */
export const decodeJson = <A>(schema: Schema.Codec<A, unknown>) => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
  return (text: string): Effect.Effect<A, Failure.InvalidResponse> =>
    Effect.mapError(
      decode(text),
      () => new Failure.InvalidResponse({ detail: "the answer is not the JSON that was expected" })
    )
}

const make = (client: HttpClient.HttpClient): Http => {
  const ok = HttpClient.filterStatusOk(client)
  const quiet = Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
  const fail = (error: HttpClientError.HttpClientError) => Effect.flatMap(reasonOf(error), Effect.fail)
  const stream: Http["stream"] = (request, types) =>
    quiet(ok.execute(request)).pipe(
      Effect.catch(fail),
      Effect.tap(given),
      Effect.flatMap((response) => understood(response, types)),
      Effect.map((response) =>
        lively(bounded(Stream.catch(response.stream, (error) => Stream.fromEffect(fail(error))), maxBytes))
      ),
      Stream.unwrap
    )
  const text: Http["text"] = (request) =>
    Effect.filterOrFail(
      Stream.mkString(utf8.decode(bounded(stream(request), maxText))),
      (text) => !isDense(text),
      () => dense
    )
  // Not HEAD: undici closes the connection after it.
  const warm: Http["warm"] = (url) =>
    quiet(client.execute(HttpClientRequest.get(url))).pipe(
      Effect.flatMap((response) => Stream.runDrain(Stream.take(response.stream, maxWarm))),
      Effect.catch(fail)
    )
  return {
    stream,
    text,
    warm,
    json: (request, schema) => Effect.flatMap(text(request), decodeJson(schema))
  }
}

/** The client of the process. */
export const http: Effect.Effect<Http> = Effect.flatMap(fetch, (fetch) =>
  HttpClient.HttpClient.pipe(
    Effect.map((client) =>
      make(HttpClient.transformResponse(client, Effect.provideService(FetchHttpClient.Fetch, fetch)))
    ),
    Effect.provide(FetchHttpClient.layer)
  ))
