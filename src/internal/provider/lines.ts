/** Answers that come event by event: Server-Sent Events, and JSON line by line. */
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { isDense, tooDense } from "./dense.ts"
import { errorOf } from "./told.ts"
import * as utf8 from "./utf8.ts"

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

/** Names of events that say no more than that the connection stands. */
const beats = /^(?:ping|heart-?beat|keep-?alive)$/i

const sse = (): Parser => {
  let events: Array<Event> = []
  const parser = Sse.makeParser((event) => {
    if (event._tag === "Retry" || beats.test(event.event)) return
    events.push(event.event === "error" ? errorOf(event.data) : event.data)
  }, { maxEventSize: maxEvent })
  const push: Parser["push"] = (text) =>
    Effect.suspend(() => {
      events = []
      const error = parser.feed(text)
      return error === undefined ? Effect.succeed(events) : Effect.fail(tooLarge)
    })
  return { push, end: push("\n\n") }
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
  return { push, end: push("\n") }
}

/** So much is read (characters) before others have their turn. */
const atOnce = 4096

/** As a parser takes it, a piece at a time. */
const pieces = (text: string): ReadonlyArray<string> =>
  text.length <= atOnce
    ? [text]
    : Array.from({ length: Math.ceil(text.length / atOnce) }, (_, i) => text.slice(i * atOnce, (i + 1) * atOnce))

/** The text of each event. */
export const events =
  (format: "sse" | "ndjson") =>
  <R>(bytes: Stream.Stream<Uint8Array, Failure.Reason, R>): Stream.Stream<string, Failure.Reason, R> =>
    Stream.suspend(() => {
      const parser = format === "sse" ? sse() : ndjson()
      return utf8.decode(bytes).pipe(
        Stream.map(pieces),
        Stream.flattenIterable,
        Stream.mapEffect((text) =>
          text.length < atOnce ? parser.push(text) : Effect.andThen(Effect.yieldNow, parser.push(text))
        ),
        Stream.concat(Stream.fromEffect(parser.end)),
        Stream.flattenIterable,
        Stream.mapEffect((event) => {
          if (typeof event !== "string") return Effect.fail(event)
          return isDense(event) ? Effect.fail(dense) : Effect.succeed(event)
        })
      )
    })
