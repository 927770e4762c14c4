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

// The same of all results of one answer, and how many of its calls are remembered: all of that stands in every prompt from then on.
const mostProvided = 1_048_576
const mostRemembered = 64

// A name, which may be that of a tool of any server.
const longestName = 256

const sizeOf = (value: unknown): number => JSON.stringify(value ?? null).length

const bounded = (json: Schema.Json, size: number, most: number): Schema.Json => {
  if (size <= most) return json
  const note = ` [cut here: the whole result has ${size} characters]`
  return head(typeof json === "string" ? json : JSON.stringify(json), Math.max(0, most - note.length)) + note
}

const tooMany = (core: Core): void =>
  core.publish({
    _tag: "Warning",
    component: "llm",
    message: `the provider has run more than ${mostRemembered} calls in one answer: further ones are not remembered`
  })

export const makeProviderCalls = (
  core: Core,
  speech: Speech,
  utterance: Utterance,
  idOf: (id: string) => string
): ProviderCalls => {
  const open = new Map<string, Open>()
  const waiting: Array<() => void> = []
  let begun = 0
  let left = mostProvided
  const flush = (): void => {
    for (const tell of waiting.splice(0)) tell()
  }
  const tellLater = (tell: () => void): void => {
    waiting.push(tell)
    if (speech.authorized.isOpen()) flush()
  }

  const begin = ({ id: given, name: told }: Told): Open | undefined => {
    begun += 1
    if (begun > mostRemembered) {
      if (begun === mostRemembered + 1) tooMany(core)
      return undefined
    }
    const id = idOf(given)
    const name = head(told, longestName)
    const one: Open = { id, name, params: {}, metadata: undefined }
    open.set(given, one)
    tellLater(() => {
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
    const size = sizeOf(result)
    const output = bounded(result, size, Math.min(longestProvided, left))
    left -= Math.min(left, size)
    const attached = sizeOf(metadata) + sizeOf(more)
    const goesBack = metadata !== undefined && more !== undefined && output === result &&
      attached <= Math.min(longestProvided, left)
    if (goesBack) left -= attached
    const call = { id, name, params, result: output, isFailure, providerExecuted: true }
    tellLater(() => {
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
      if (one === undefined) return
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
