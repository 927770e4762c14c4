/** Replies that were given before, to the same question. */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { monotonic } from "../steady.ts"
import { isTranscript } from "./heard.ts"
import type * as Llm from "./model.ts"

interface Entry {
  readonly until: number
  readonly deltas: ReadonlyArray<Llm.Delta>
}

const described = new WeakMap<object, string>()

const describe = (tool: Tool.Any): string => {
  const known = described.get(tool)
  if (known !== undefined) return known
  const text = JSON.stringify([tool.name, Tool.getDescription(tool), Tool.getJsonSchema(tool)])
  described.set(tool, text)
  return text
}

/** What a reply depends on; a turn that has called a tool has none. */
const keyOf = (request: Llm.Request): string | undefined => {
  const messages: ReadonlyArray<Prompt.Message> = request.prompt.content
  // Nobody says anything twice alike.
  if (messages.some((message) => message.role === "user" && message.content.some(isTranscript))) return undefined
  const user = messages.findLastIndex(({ role }) => role === "user")
  if (messages.slice(user + 1).some(({ role }) => role === "tool")) return undefined
  if (request.toolChoice === "required") return undefined
  const { maxTokens, model, temperature } = request.settings ?? {}
  return JSON.stringify([
    messages.map(({ content, role }) => [role, content]),
    request.tools.map(describe),
    request.toolChoice ?? "auto",
    [model ?? null, temperature ?? null, maxTokens ?? null]
  ])
}

export const cached = (llm: Llm.Service, options: {
  readonly capacity: number
  readonly keepMs: number
}): Llm.Service => {
  const entries = new Map<string, Entry>()
  const find = (key: string, now: number): Entry | undefined => {
    const entry = entries.get(key)
    entries.delete(key)
    if (entry === undefined || entry.until <= now) return undefined
    // The latest that was asked for is the last to go.
    entries.set(key, entry)
    return entry
  }
  const keep = (key: string, entry: Entry): void => {
    entries.delete(key)
    entries.set(key, entry)
    const [oldest] = entries.keys()
    if (entries.size > options.capacity && oldest !== undefined) entries.delete(oldest)
  }
  const ask = (request: Llm.Request, key: string): Stream.Stream<Llm.Delta, Llm.LlmError> =>
    Stream.suspend(() => {
      const deltas: Array<Llm.Delta> = []
      let finished = false
      return llm.reply(request).pipe(
        Stream.map((delta) => {
          deltas.push(delta)
          finished ||= delta._tag === "Finish"
          return delta
        }),
        Stream.onEnd(Effect.map(monotonic, (now) => {
          if (!finished || deltas.some(({ _tag }) => _tag.endsWith("Call"))) return
          if (!deltas.some((delta) => delta._tag === "Text" && delta.text.trim() !== "")) return
          // Nobody is asked again: it costs no tokens.
          const kept = deltas.map((delta): Llm.Delta => {
            if (delta._tag !== "Finish" || delta.usage === undefined) return delta
            const { usage: _, ...finish } = delta
            return finish
          })
          keep(key, { until: now + options.keepMs, deltas: kept })
        }))
      )
    })
  return {
    ...llm,
    reply: (request) =>
      Stream.unwrap(Effect.map(monotonic, (now) => {
        const key = keyOf(request)
        if (key === undefined) return llm.reply(request)
        const entry = find(key, now)
        return entry === undefined ? ask(request, key) : Stream.fromIterable(entry.deltas)
      }))
  }
}
