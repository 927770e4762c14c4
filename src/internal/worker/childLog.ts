/**
 * The log of a process of a pool is its parent's: it tells each line, and the
 * parent logs it as it was told to, with its own loggers.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import type { Line } from "./ipc.ts"

/** Lines that a parent which does not listen is owed at most; what comes then is lost, and counted. */
const most = 1000

/** Characters of a line, beyond which its texts are cut. */
const longestLine = 65_536
const longestOfLong = 8192

const Told = Schema.fromJsonString(Schema.Struct({
  message: Schema.Unknown,
  cause: Schema.optional(Schema.String),
  annotations: Schema.Record(Schema.String, Schema.Unknown),
  spans: Schema.Record(Schema.String, Schema.Finite)
}))
const decode = Schema.decodeUnknownOption(Told)

const cut = (text: string, most: number): string => text.length > most ? `${text.slice(0, most)}…` : text

/** As it is, where it is short; else a text that is cut. */
const short = (value: unknown, most: number): unknown => {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text === undefined || text.length <= most ? value : cut(text, most)
}

/** A line whose texts are cut. */
const shortened = (text: string): string => {
  if (text.length <= longestLine) return text
  const line: { readonly [name: string]: unknown } = JSON.parse(text)
  const { annotations, cause, message, spans } = line
  const kept = Object.entries(annotations ?? {}).slice(0, 32).map(([name, value]) =>
    [cut(name, 256), short(value, 1024)] as const
  )
  return JSON.stringify({
    message: Array.isArray(message)
      ? message.slice(0, 8).map((one) => short(one, longestOfLong))
      : short(message, longestOfLong),
    ...(typeof cause === "string" ? { cause: cut(cause, longestOfLong) } : {}),
    annotations: Object.fromEntries(kept),
    spans
  })
}

/** A logger that tells its lines; `send` says whether there was anybody, and calls back when they are on their way. */
export const toParent = (
  send: (line: typeof Line.Type, sent: () => void) => boolean
): Logger.Logger<unknown, void> => {
  let waiting = 0
  let lost = 0
  const sent = (): void => void waiting--
  return Logger.make((options) => {
    const { logLevel: level } = options
    if (level === "All" || level === "None") return
    if (waiting >= most) return void lost++
    const { span } = options.fiber.cache
    const ids = span === undefined ? undefined : { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }
    const line = { _tag: "Log", level, text: shortened(Logger.formatJson.log(options)), lost, span: ids } as const
    waiting++
    lost = 0
    if (send(line, sent)) return
    waiting--
    // Whoever answered for it is gone.
    Logger.defaultLogger.log(options)
  })
}

const asCause = (text: string): Cause.Cause<never> => {
  const [, name = "Error", message = ""] = /^([^:\n]*): (.*)/.exec(text) ?? []
  const error = new Error(message)
  error.name = name
  error.stack = text
  return Cause.die(error)
}

/** Causes that are told once, at most. */
const mostCauses = 100

/** Logs a line of a process as if it had been logged here; one with a cause that is in `told` already says nothing new. */
export const relay = (
  { level, lost, span, text }: typeof Line.Type,
  annotations: Readonly<Record<string, unknown>>,
  told?: Set<string>
): Effect.Effect<void> => {
  const line = decode(text)
  if (Option.isNone(line)) return Effect.void
  const { annotations: own, cause, message, spans } = line.value
  if (cause !== undefined && told !== undefined) {
    if (told.has(cause)) return Effect.void
    if (told.size < mostCauses) told.add(cause)
  }
  const messages: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  return Clock.clockWith((clock) => {
    const now = clock.currentTimeMillisUnsafe()
    return Effect.logWithLevel(level)(...messages, ...(cause === undefined ? [] : [asCause(cause)])).pipe(
      Effect.provideService(
        References.CurrentLogSpans,
        Object.entries(spans).map(([label, ms]): [string, number] => [label, now - ms])
      ),
      Effect.annotateLogs({ ...annotations, ...own }),
      (line) => span === undefined ? line : Effect.withParentSpan(line, Tracer.externalSpan(span))
    )
  }).pipe(
    Effect.andThen(
      lost === 0 ? Effect.void : Effect.annotateLogs(
        Effect.logWarning("lines of a process of the pool are lost: it logs more than can be told"),
        { ...annotations, lost }
      )
    )
  )
}

/** What the loggers of a context let through. */
export const levelOf = (context: Context.Context<never>): LogLevel.LogLevel =>
  Context.get(context, References.MinimumLogLevel)

/** The level that a process was started with. */
export const levelFrom = (text: string | undefined): LogLevel.LogLevel =>
  LogLevel.values.find((level) => level === text) ?? "Info"
