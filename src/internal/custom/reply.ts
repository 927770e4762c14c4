/** Replies put together from what a server sends of them. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import type * as Llm from "../../Llm.ts"

/** A piece of a tool call that comes in pieces: those of one `index` belong together, their texts are joined. */
export interface ToolCallPart {
  readonly _tag: "ToolCallPart"
  readonly index: number
  readonly id?: string | undefined
  readonly name?: string | undefined
  /** A piece of JSON text, or all the parameters at once. */
  readonly params?: unknown
}

export type Part = Llm.Delta | ToolCallPart

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
}): Answer => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(options.schema))
  const malformed = new Failure.InvalidResponse({
    detail: options.format === "json"
      ? "the answer is not the JSON that was expected"
      : "an event is not the JSON that was expected"
  })
  const { finishes, format } = options
  return {
    format,
    finishes,
    parts: (text) => Effect.map(Effect.mapError(decode(text), () => malformed), options.parts)
  }
}

/** What ends an answer of many servers; it is no JSON. */
const doneMark = "[DONE]"

/** How long the end of the answer is waited for after the last event: a connection that has seen it is used again. */
const lingering = "250 millis"

interface Pending {
  id: string | undefined
  name: string
  text: string
  params: unknown
}

const paramsOf = ({ params, text }: Pending): unknown => {
  if (params !== undefined) return params
  if (text.trim() === "") return {}
  try {
    return JSON.parse(text)
  } catch {
    // The tools repair it, or tell the model.
    return text
  }
}

const nameless = new Failure.InvalidResponse({ detail: "a tool call has no name" })

// An id pairs a call with its output over the whole conversation.
const freshId: Effect.Effect<string> = Effect.map(
  Effect.all([Random.nextInt, Random.nextInt]),
  ([a, b]) => `call_${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`
)

/** One reply in the making. */
class Assembly {
  readonly #calls = new Map<number, Pending>()
  #finish: Extract<Llm.Delta, { readonly _tag: "Finish" }> | undefined = undefined
  #done = false

  /** Takes parts, and gives what can be said of them now: a call only when the answer is known to be whole. */
  push(parts: ReadonlyArray<Part>): ReadonlyArray<Llm.Delta> {
    return parts.flatMap((part): ReadonlyArray<Llm.Delta> => {
      switch (part._tag) {
        case "Text":
          return [part]
        case "Finish":
          this.#finish = {
            _tag: "Finish",
            usage: part.usage ?? this.#finish?.usage,
            model: part.model ?? this.#finish?.model
          }
          return []
        case "ToolCall":
          this.#calls.set(this.#calls.size, { id: part.id, name: part.name, text: "", params: part.params })
          return []
        case "ToolCallPart":
          this.#add(part)
          return []
      }
    })
  }

  #add({ id, index, name, params }: ToolCallPart): void {
    const call = this.#calls.get(index) ?? { id: undefined, name: "", text: "", params: undefined }
    this.#calls.set(index, call)
    if (id !== undefined && id !== "") call.id = id
    if (name !== undefined && name !== "") call.name = name
    if (typeof params === "string") call.text += params
    else if (params !== undefined) call.params = params
  }

  done(): void {
    this.#done = true
  }

  end(finishes: boolean): Effect.Effect<ReadonlyArray<Llm.Delta>, Failure.Reason> {
    if (finishes && !this.#done && this.#finish === undefined) return Effect.fail(new Failure.Disconnected({}))
    const calls = [...this.#calls].sort(([a], [b]) => a - b).map(([, call]) => call)
    if (calls.some(({ name }) => name === "")) return Effect.fail(nameless)
    return Effect.map(
      Effect.forEach(
        calls,
        (call) =>
          Effect.map(
            call.id === undefined || call.id === "" ? freshId : Effect.succeed(call.id),
            (id): Llm.Delta => ({
              _tag: "ToolCall",
              id,
              name: call.name,
              params: paramsOf(call)
            })
          )
      ),
      (calls) => [...calls, this.#finish ?? { _tag: "Finish" }]
    )
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
    return events.pipe(
      Stream.mapEffect((text) => {
        if (text.trim() !== doneMark) return Effect.map(parts(text), (parts) => assembly.push(parts))
        assembly.done()
        return Effect.as(Deferred.succeed(done, undefined), [])
      }),
      Stream.interruptWhen(Effect.andThen(Deferred.await(done), Effect.sleep(lingering))),
      Stream.concat(Stream.fromEffect(Effect.suspend(() => assembly.end(finishes)))),
      Stream.flattenIterable
    )
  })
