/** Calls of tools that OpenAI runs itself, as the items of an answer tell of them, and on their way back. */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as metadata from "../llm/metadata.ts"
import type * as Llm from "../llm/model.ts"
import * as Json from "../tools/json.ts"
import type { Hosted } from "./tools.ts"

const kinds: ReadonlySet<string> = new Set(["web_search", "file_search", "code_interpreter", "image_generation", "mcp"])

/** Which tool an item is a call of, where OpenAI runs it: other calls wait for the program. */
export const kindOf = ({ type }: { readonly type?: string | null | undefined }): string | undefined => {
  const kind = type?.endsWith("_call") === true ? type.slice(0, -"_call".length) : undefined
  return kind !== undefined && kinds.has(kind) ? kind : undefined
}

/** As the program calls it, where it has asked for it by a tool: "web_search_preview" is one of "web_search". */
const nameOf = (kind: string, item: Schema.JsonObject, hosted: ReadonlyArray<Hosted>): string => {
  if (kind === "mcp") return typeof item["name"] === "string" ? item["name"] : kind
  return hosted.find((tool) => tool.hosted.type.startsWith(kind))?.name ?? kind
}

const field = (item: Schema.JsonObject, ...names: ReadonlyArray<string>): Schema.Json | undefined =>
  names.map((name) => item[name]).find((value) => value !== undefined && value !== null)

const paramsOf = (item: Schema.JsonObject): unknown => {
  const asked = field(item, "action", "arguments")
  if (asked !== undefined) return asked
  return Object.fromEntries(
    ["queries", "code"].flatMap((name) => item[name] == null ? [] : [[name, item[name]]])
  )
}

/** The call that an item tells of, and what came of it. */
export const callOf = (raw: unknown, { hosted, id, key, thoughts }: {
  readonly key: string
  readonly hosted: ReadonlyArray<Hosted>
  /** What was thought before it. */
  readonly thoughts: ReadonlyArray<metadata.Fields>
  readonly id: string
}): ReadonlyArray<Llm.Delta> => {
  const json = Json.from(raw)
  const item = Json.isObject(json) ? json : {}
  const name = nameOf(kindOf(item as { readonly type?: string }) ?? "", item, hosted)
  const { error, status } = item
  const isFailure = status === "failed" || error != null
  const fields = metadata.fieldsOf({ reasoning: thoughts.length === 0 ? undefined : thoughts, item })
  return [
    { _tag: "ProviderCall", id, name, params: paramsOf(item), metadata: metadata.marked(key, fields) },
    {
      _tag: "ProviderResult",
      id,
      name,
      result: field(item, "error", "output", "results", "outputs", "result") ?? { status: status ?? "completed" },
      isFailure,
      metadata: metadata.marked(key, undefined)
    }
  ]
}

/** The item as it came, for who has made it. */
export const itemOf = (fields: metadata.Fields | undefined): object | undefined => {
  const item = fields?.["item"]
  return Predicate.isObject(item) ? item : undefined
}
