/**
 * The calls that the model's provider runs itself while it answers, such as a search: told and
 * remembered as they come, and run by nobody here. Calls of an early answer are kept until that
 * answer is used. If it is not used, nobody sees them.
 */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Llm from "../../Llm.ts"
import { head } from "../text/head.ts"
import * as Json from "../tools/json.ts"
import { kept } from "../tools/params.ts"
import type { Core } from "./core.ts"
import type { Speech } from "./speech.ts"
import type { Utterance } from "./utterance.ts"

type Told = Extract<Llm.Delta, { readonly _tag: "ProviderCall" | "ProviderResult" }>

export interface ProviderCalls {
  readonly push: (told: Told) => void
  /** The answer is wanted: tells what was kept back. */
  readonly flush: () => void
  /** Nothing more comes: what has no result by now has none. */
  readonly end: () => void
}

interface Open {
  readonly id: string
  readonly name: string
  params: Schema.JsonObject
  metadata: Llm.Metadata | undefined
}

// In characters of JSON. What is longer stands in the history without the rest, and does not go back: nobody takes a half.
const longestProvided = 262_144

const sizeOf = (value: unknown): number => JSON.stringify(value ?? null).length

const bounded = (json: Schema.Json): Schema.Json => {
  const size = sizeOf(json)
  if (size <= longestProvided) return json
  const note = ` [cut here: the whole result has ${size} characters]`
  return head(typeof json === "string" ? json : JSON.stringify(json), longestProvided - note.length) + note
}

export const makeProviderCalls = (
  core: Core,
  speech: Speech,
  utterance: Utterance,
  idOf: (id: string) => string
): ProviderCalls => {
  const open = new Map<string, Open>()
  const waiting: Array<() => void> = []
  const flush = (): void => {
    for (const tell of waiting.splice(0)) tell()
  }
  const told = (tell: () => void): void => {
    waiting.push(tell)
    if (speech.authorized.isOpen()) flush()
  }

  const begin = ({ id: given, name }: Told): Open => {
    const id = idOf(given)
    const one: Open = { id, name, params: {}, metadata: undefined }
    open.set(given, one)
    told(() => {
      speech.milestones.toolCalls += 1
      core.publish({ _tag: "FunctionCallStarted", speech: speech.id, id, name, providerExecuted: true })
    })
    return one
  }

  const settle = (
    { id, metadata, name, params }: Open,
    result: Schema.Json,
    isFailure: boolean,
    more?: Llm.Metadata
  ) => {
    const output = bounded(result)
    const goesBack = metadata !== undefined && more !== undefined && output === result &&
      sizeOf(metadata) + sizeOf(more) <= longestProvided
    const call = { id, name, params, result: output, isFailure, providerExecuted: true }
    told(() => {
      core.history.provided(
        { _tag: "ToolCall", callId: id, name, params, providerExecuted: true, ...(goesBack ? { metadata } : {}) },
        { output, isFailure, ...(goesBack ? { metadata: more } : {}) },
        utterance.createdAt
      )
      core.publish({ _tag: "FunctionCallsFinished", speech: speech.id, calls: [call] })
    })
  }

  return {
    push: (delta) => {
      const one = open.get(delta.id) ?? begin(delta)
      if (delta._tag === "ProviderCall") {
        one.params = kept(delta.params)
        one.metadata = delta.metadata
        return
      }
      open.delete(delta.id)
      const written = Json.write(delta.result)
      settle(one, Result.getOrElse(written, () => null), delta.isFailure || Result.isFailure(written), delta.metadata)
    },
    flush,
    end: () => {
      for (const one of open.values()) settle(one, `Tool ${one.name} was not finished by the provider`, true)
      open.clear()
    }
  }
}
