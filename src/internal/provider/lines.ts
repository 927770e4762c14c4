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
    // Nothing at all is a sign of life, too.
    if (event.event !== "error" && event.data.trim() === "") return
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
      const parser = format === "sse" ? sse() : ndjson()
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
