/** Answers that come event by event: Server-Sent Events, and JSON line by line. */
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { isDense, tooDense } from "./dense.ts"
import { errorOf } from "./told.ts"
import * as utf8 from "./utf8.ts"

/** Beginnings of the content types of events, and of what some servers call them, or send instead: it is told by how it begins. */
export const types = ["text/event-stream", "text/plain", "application/", "binary/octet-stream"]

/** Most characters of one event. */
const maxEvent = 1024 * 1024

const dense = new Failure.InvalidResponse({ detail: `an event cannot be read: ${tooDense}` })

const tooLarge = new Failure.InvalidResponse({ detail: `an event is longer than ${maxEvent} characters` })

/** The text of an event, or what an event that is an error tells. */
type Event = string | Failure.Reason

/** Takes text cut anywhere, and gives the events that it completes. */
interface Parser {
  readonly push: (text: string) => Effect.Effect<ReadonlyArray<Event>, Failure.Reason>
  /** What stands there without the mark of its end: all that is left, if it was not cut off. */
  readonly end: Effect.Effect<ReadonlyArray<Event>, Failure.Reason>
}

/** What ends an answer of many servers; it is no JSON. */
export const doneMark = "[DONE]"

const isDone = (data: string): boolean => /^"?\[?done\]?"?$/i.test(data)

/** Names of events that say no more than that the connection stands. */
const beats = /^(?:ping|heart-?beat|keep-?alive)$/i

/** Names of events that say that the answer is over, where they say no more. */
const ends = /^(?:done|end|complete|finish|eof)$/i

/** Names of events that say what went wrong. */
const errors = /^(?:error|exception)$/i

/** Nothing at all is a sign of life, too. */
const isNothing = (data: string): boolean => data === "" || data === "[]" || data === "null" || beats.test(data)

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The events of one: a proxy may have dropped the empty lines between them. */
const split = (data: string): ReadonlyArray<string> => {
  if (!data.includes("\n") || isJson(data)) return [data]
  const lines = data.split("\n").filter((line) => line.trim() !== "")
  return lines.every((line) => isDone(line.trim()) || isJson(line)) ? lines : [data]
}

/** llama.cpp tells an error as a field of its own, which no reader of events knows. */
const field = /(^|[\r\n])error: ?(?=\{)/g
const fieldBegun = /(?:^|[\r\n])(e(?:r(?:r(?:o(?:r(?:: ?)?)?)?)?)?)$/

/** Gives text on with such a field as an event; what may become one waits. */
const fields = () => {
  let held = ""
  let lineBegins = true
  return (text: string): string => {
    // The first sign says only that a line begins there.
    const all = `${lineBegins ? "\n" : " "}${held}${text}`
    held = fieldBegun.exec(all)?.[1] ?? ""
    const more = all.slice(0, all.length - held.length)
    lineBegins = /[\r\n]$/.test(more)
    return more.replace(field, "$1event: error\ndata: ").slice(1)
  }
}

/** The connection was lost in the middle of an event. */
const unfinished = new Failure.Disconnected({ code: "UNFINISHED" })

/** What stands there at the end. */
const uncut = (all: ReadonlyArray<Event>): ReadonlyArray<Event> =>
  all.map((event) =>
    typeof event === "string" && event.trimStart().startsWith("{") && !isJson(event) ? unfinished : event
  )

const sse = (): Parser => {
  let events: Array<Event> = []
  const parser = Sse.makeParser((event) => {
    if (event._tag === "Retry" || beats.test(event.event)) return
    if (errors.test(event.event)) return void events.push(errorOf(event.data))
    for (const data of split(event.data)) {
      const text = data.trim()
      if (isDone(text) || (ends.test(event.event) && (isNothing(text) || text === "{}"))) events.push(doneMark)
      else if (!isNothing(text)) events.push(data)
    }
  }, { maxEventSize: maxEvent })
  const known = fields()
  const push: Parser["push"] = (text) =>
    Effect.suspend(() => {
      events = []
      const error = parser.feed(known(text))
      return error === undefined ? Effect.succeed(events) : Effect.fail(tooLarge)
    })
  return { push, end: Effect.map(push("\n\n"), uncut) }
}

const page = new Failure.InvalidResponse({ detail: "the answer is a page, and not the events that were asked for" })
const malformed = new Failure.InvalidResponse({ detail: "the answer is not the JSON that was expected" })

/** An answer of JSON, though events were asked for: one value, or one in each line. */
const json = (): Parser => {
  const lines = ndjson()
  let first = ""
  let kind: "first" | "lines" | "whole" = "first"
  const push: Parser["push"] = (text) =>
    Effect.suspend(() => {
      if (kind === "lines") return lines.push(text)
      const begins = first.length
      first += text
      if (first.length > maxEvent) return Effect.fail(tooLarge)
      const end = kind === "whole" ? -1 : first.indexOf("\n", begins)
      if (end === -1) return Effect.succeed([])
      kind = isJson(first.slice(0, end)) ? "lines" : "whole"
      return kind === "lines" ? lines.push(first) : Effect.succeed([])
    })
  const end = Effect.suspend((): ReturnType<Parser["push"]> =>
    kind === "lines" ? lines.end : isJson(first) ? Effect.succeed([first]) : Effect.fail(malformed)
  )
  return { push, end }
}

/** What was asked for as events, by what it begins with. */
const sniffing = (): Parser => {
  let begun = ""
  let parser: Parser | undefined
  const push: Parser["push"] = (text) =>
    Effect.suspend(() => {
      if (parser !== undefined) return parser.push(text)
      begun += text
      const sign = begun.trimStart().slice(0, 1)
      if (sign === "<") return Effect.fail(page)
      if (sign === "" && begun.length <= maxEvent) return Effect.succeed([])
      parser = sign === "{" || sign === "[" ? json() : sse()
      return parser.push(begun)
    })
  return { push, end: Effect.suspend(() => parser?.end ?? Effect.succeed([])) }
}

const ndjson = (): Parser => {
  let pending: Array<string> = []
  let length = 0
  const take = (): ReadonlyArray<string> => {
    const lines = pending.join("").split("\n")
    const rest = lines.pop() ?? ""
    pending = rest === "" ? [] : [rest]
    length = rest.length
    return lines.filter((line) => line.trim() !== "")
  }
  const push: Parser["push"] = (text) =>
    Effect.suspend(() => {
      pending.push(text)
      length += text.length
      const lines = text.includes("\n") ? take() : []
      return length > maxEvent || lines.some((line) => line.length > maxEvent)
        ? Effect.fail(tooLarge)
        : Effect.succeed(lines)
    })
  return { push, end: Effect.map(push("\n"), uncut) }
}

/** Others have their turn after so many characters of one piece of an answer, and after so many events in it. */
const [mostCharacters, mostEvents] = [4096, 64]

/** It is read in parts of so many characters. */
const atOnce = 1024

/** As a parser takes it, a part at a time. */
const pieces = (text: string): ReadonlyArray<string> =>
  text.length <= atOnce
    ? [text]
    : Array.from({ length: Math.ceil(text.length / atOnce) }, (_, i) => text.slice(i * atOnce, (i + 1) * atOnce))

/** Reads part after part, and gives way now and then. */
const giving = (parser: Parser): (text: string) => Effect.Effect<ReadonlyArray<Event>, Failure.Reason> => {
  let characters = 0
  let count = 0
  return (text) =>
    Effect.suspend(() => {
      characters += text.length
      const gives = text.length === atOnce && (characters > mostCharacters || count > mostEvents)
      if (gives || text.length < atOnce) characters = count = 0
      const read = Effect.map(parser.push(text), (all) => {
        count += all.length
        return all
      })
      return gives ? Effect.andThen(Effect.yieldNow, read) : read
    })
}

/** What one piece has completed: texts, and what ends the answer behind them. */
type Step = ReadonlyArray<string> | Failure.Reason

const steps = (all: ReadonlyArray<Event>): ReadonlyArray<Step> => {
  const wrong = all.findIndex((event) => typeof event !== "string" || isDense(event))
  // Up to there all are texts.
  const texts = (wrong === -1 ? all : all.slice(0, wrong)) as ReadonlyArray<string>
  const event = all[wrong]
  return event === undefined ? [texts] : [texts, typeof event === "string" ? dense : event]
}

/** The text of each event. */
export const events =
  (format: "sse" | "ndjson") =>
  <R>(bytes: Stream.Stream<Uint8Array, Failure.Reason, R>): Stream.Stream<string, Failure.Reason, R> =>
    Stream.suspend(() => {
      const parser = format === "sse" ? sniffing() : ndjson()
      return utf8.decode(bytes).pipe(
        Stream.map(pieces),
        Stream.flattenIterable,
        Stream.mapEffect(giving(parser)),
        Stream.concat(Stream.fromEffect(parser.end)),
        Stream.map(steps),
        Stream.flattenIterable,
        Stream.mapEffect((step) => "_tag" in step ? Effect.fail(step) : Effect.succeed(step)),
        Stream.flattenIterable
      )
    })
