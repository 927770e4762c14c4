/** Replies put together from what a server sends of them. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"
import { Calls, type Fragment } from "../llm/calls.ts"

/** A piece of a tool call that comes in pieces. */
export interface ToolCallPart extends Fragment {
  readonly _tag: "ToolCallPart"
}

/** A count of tokens; `last` where nothing else comes with it, as at the end of an answer. */
export interface UsagePart {
  readonly _tag: "Usage"
  readonly usage: Llm.Usage | undefined
  readonly model: string | undefined
  readonly last: boolean
}

type Finish = Extract<Llm.Delta, { readonly _tag: "Finish" }>

export type Part = Llm.Delta | ToolCallPart | UsagePart

export type Format = "json" | "sse" | "ndjson"

/** How an answer is read. */
export interface Answer {
  readonly format: Format
  readonly parts: (text: string) => Effect.Effect<ReadonlyArray<Part>, Failure.Reason>
  /** Whether every answer says itself that it is finished: one that does not was cut off. */
  readonly finishes: boolean
}

export const answer = <A>(options: {
  readonly format: Format
  readonly schema: Schema.Codec<A, unknown>
  readonly parts: (value: A) => ReadonlyArray<Part>
  readonly finishes: boolean
  /** What an answer tells that is an error. @default nothing */
  readonly failure?: ((json: unknown) => Failure.Reason | undefined) | undefined
}): Answer => {
  const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
  const decode = Schema.decodeUnknownEffect(options.schema)
  const malformed = new Failure.InvalidResponse({
    detail: options.format === "json"
      ? "the answer is not the JSON that was expected"
      : "an event is not the JSON that was expected"
  })
  const { failure, finishes, format } = options
  return {
    format,
    finishes,
    parts: (text) =>
      Effect.flatMap(Effect.mapError(parse(text), () => malformed), (json) => {
        const reason = failure?.(json)
        return reason === undefined
          ? Effect.map(Effect.mapError(decode(json), () => malformed), options.parts)
          : Effect.fail(reason)
      })
  }
}

/** What ends an answer of many servers; it is no JSON. */
const doneMark = "[DONE]"

/** How long the end of the answer is waited for after the last event: a connection that has seen it is used again. */
const lingering = "250 millis"

/** How long a count of tokens is waited for after the reason of the end: some servers leave the connection open. */
const counting = "1 second"

const paramsOf = (params: unknown): unknown => {
  if (typeof params !== "string") return params
  if (params.trim() === "") return {}
  try {
    return JSON.parse(params)
  } catch {
    // The tools repair it, or tell the model.
    return params
  }
}

/** One reply in the making. */
class Assembly {
  readonly #calls = new Calls()
  #finish: Extract<Llm.Delta, { readonly _tag: "Finish" }> | undefined = undefined
  #finished = false
  #counted = false
  #said = false

  /** Takes the parts of an event, and gives what can be said of them now: a call only when the answer is whole. */
  push(parts: ReadonlyArray<Part>): ReadonlyArray<Llm.Delta> {
    this.#calls.push(parts.filter((part) => part._tag === "ToolCallPart"))
    return parts.flatMap((part): ReadonlyArray<Llm.Delta> => {
      if (part._tag !== "Finish") this.#counted = part._tag === "Usage" && part.last && this.#said
      if (part._tag !== "Finish" && part._tag !== "Usage") this.#said = true
      switch (part._tag) {
        case "Text":
          return [part]
        case "Finish":
          this.#finished = true
          this.#count(part)
          return []
        case "Usage":
          this.#count(part)
          return []
        case "ToolCall":
          this.#calls.add(part)
          return []
        case "ToolCallPart":
          return []
      }
    })
  }

  #count(told: UsagePart | Finish): void {
    const { model = told.model, reason, usage = told.usage } = this.#finish ?? {}
    this.#finish = {
      _tag: "Finish",
      reason: (told._tag === "Finish" ? told.reason : undefined) ?? reason,
      usage: told.usage ?? usage,
      model: told.model ?? model
    }
  }

  done(): void {
    this.#finished = true
  }

  get isFinished(): boolean {
    return this.#finished
  }

  /** Nothing is missing if the connection is lost now. */
  get isWhole(): boolean {
    return this.#finished || this.#counted
  }

  end(finishes: boolean): Effect.Effect<ReadonlyArray<Llm.Delta>, Failure.Reason> {
    if (finishes && !this.#finished && !this.#counted) return Effect.fail(new Failure.Disconnected({}))
    return Effect.map(this.#calls.end, (calls) => [
      ...calls.map(({ id, name, params }): Llm.Delta => ({ _tag: "ToolCall", id, name, params: paramsOf(params) })),
      this.#end(calls.length > 0)
    ])
  }

  #end(called: boolean): Finish {
    const { model, reason, usage } = this.#finish ?? {}
    // A server that calls tools and says "stop" waits for them all the same.
    const why = called && (reason === undefined || reason === "stop") ? "tool-calls" : reason
    return {
      _tag: "Finish",
      ...(why === undefined ? undefined : { reason: why }),
      ...(usage === undefined ? undefined : { usage }),
      ...(model === undefined ? undefined : { model })
    }
  }
}

/** The deltas of the texts of an answer's events. */
export const deltas = <R>(
  { finishes, parts }: Answer,
  events: Stream.Stream<string, Failure.Reason, R>
): Stream.Stream<Llm.Delta, Failure.Reason, R> =>
  Stream.suspend(() => {
    const assembly = new Assembly()
    const done = Deferred.makeUnsafe<void>()
    const finished = Deferred.makeUnsafe<void>()
    const over = Effect.raceFirst(
      Effect.andThen(Deferred.await(done), Effect.sleep(lingering)),
      Effect.andThen(Deferred.await(finished), Effect.sleep(counting))
    )
    return events.pipe(
      Stream.mapEffect((text) => {
        if (text.trim() !== doneMark) {
          return Effect.tap(
            Effect.map(parts(text), (parts) => assembly.push(parts)),
            () => assembly.isFinished ? Deferred.succeed(finished, undefined) : Effect.void
          )
        }
        assembly.done()
        return Effect.as(Deferred.succeed(done, undefined), [])
      }),
      // What is lost after the last word was not awaited.
      Stream.catch((reason) => reason._tag === "Disconnected" && assembly.isWhole ? Stream.empty : Stream.fail(reason)),
      Stream.interruptWhen(over),
      Stream.concat(Stream.fromEffect(Effect.suspend(() => assembly.end(finishes)))),
      Stream.flattenIterable
    )
  })
