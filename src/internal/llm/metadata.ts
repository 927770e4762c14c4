/**
 * What a provider attaches to a call, a text or a step and wants to see again:
 * kept under a key of its own, so that another provider never gets it.
 */
import * as Hash from "effect/Hash"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { own } from "../own.ts"
import * as Json from "../tools/json.ts"

/** The fields that one provider has attached. */
export type Fields = Readonly<Record<string, Schema.Json>>

type Metadata = Readonly<Record<string, Schema.Json | null>>

/** The key of a provider: its name, and a digest of what tells it from another one of the same name. */
export const keyOf = (name: string, ...facts: ReadonlyArray<string | undefined>): string =>
  `${name}:${(Hash.string(facts.map((fact) => fact ?? "").join("\n")) >>> 0).toString(36)}`

/** Under the key; `undefined` where there is nothing. */
export const under = (key: string, fields: Fields | undefined): Metadata | undefined =>
  fields === undefined || Object.keys(fields).length === 0 ? undefined : { [key]: fields }

/** Under the key, also where there is nothing: it is this provider's, and nobody else's. */
export const marked = (key: string, fields: Fields | undefined): Metadata => ({ [key]: fields ?? {} })

/** What the provider of this key has attached. */
export const of = (key: string, metadata: Metadata | undefined): Fields | undefined => {
  const fields = own<Schema.Json | null>(metadata, key)
  return Predicate.isObject(fields) ? fields as Fields : undefined
}

/** The fields that are there. */
export const fieldsOf = (told: Readonly<Record<string, unknown>>): Fields | undefined => {
  const fields = Object.entries(told).flatMap(([name, value]) =>
    value === undefined || value === null || value === "" ? [] : [[name, Json.from(value)] as const]
  )
  return fields.length === 0 ? undefined : Object.fromEntries(fields)
}

/** How much of it there is, in characters, about: each value counts as several. */
export const sizeOf = (told: Schema.Json | Fields | null): number => {
  if (typeof told === "string") return valueSize + told.length
  if (typeof told !== "object" || told === null) return valueSize
  let size = valueSize
  if (Array.isArray(told)) { for (const part of told) size += sizeOf(part) }
  else for (const [name, part] of Object.entries(told)) size += name.length + sizeOf(part)
  return size
}

const valueSize = 16

const isObject = (value: Schema.Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Texts of thoughts come in pieces; whatever else comes again says the same once more. */
const grows = (name: string): boolean =>
  /^(reasoning|reasoning_content|reasoning_text|thinking|text|summary|content)$/.test(name)

const joinedLists = (
  before: ReadonlyArray<Schema.Json>,
  more: ReadonlyArray<Schema.Json>
): ReadonlyArray<Schema.Json> => {
  const all = [...before]
  const places = new Map<string, Array<number>>()
  const place = (one: Schema.Json, at: number): void => {
    const key = keyIn(one)
    const known = key === undefined ? undefined : places.get(key)
    if (known !== undefined) known.push(at)
    else if (key !== undefined) places.set(key, [at])
  }
  all.forEach(place)
  for (const one of more) {
    const key = keyIn(one)
    const at = key === undefined
      ? goesOn(all.at(-1), one) ? all.length - 1 : undefined
      : places.get(key)?.find((at) => isSame(all[at], one))
    if (at !== undefined) all[at] = joined(all[at], one)
    else place(one, all.push(one) - 1)
  }
  return all
}

/** By which an entry of a list is known. */
const keyIn = (one: Schema.Json): string | undefined => {
  const index = isObject(one) ? one["index"] : undefined
  return isObject(one) && (typeof index === "string" || typeof index === "number")
    ? JSON.stringify([`${index}`, one["type"]])
    : undefined
}

const isTold = (value: Schema.Json | undefined): boolean => value !== undefined && value !== null && value !== ""

/** Two of one number with ids of their own are two. */
const isSame = (one: Schema.Json | undefined, other: Schema.Json): boolean =>
  isObject(one) && isObject(other) && (!isTold(one["id"]) || !isTold(other["id"]) || one["id"] === other["id"])

/** Entries without a number: the next one goes on with a text of the same type that is not signed yet. */
const goesOn = (last: Schema.Json | undefined, next: Schema.Json): boolean => {
  if (!isObject(last) || !isObject(next) || !isSame(last, next)) return false
  if (typeof next["type"] !== "string" || last["type"] !== next["type"] || isTold(last["signature"])) return false
  return Object.keys(next).some((name) => name !== "content" && grows(name) && typeof next[name] === "string")
}

const joined = (before: Schema.Json | undefined, more: Schema.Json, name = ""): Schema.Json => {
  if (typeof before === "string" && typeof more === "string") return grows(name) ? before + more : more || before
  if (Array.isArray(before) && Array.isArray(more)) return joinedLists(before, more)
  return isObject(before) && isObject(more) ? joinedFields(before, more) : more
}

const joinedFields = (before: Fields, more: Fields): Fields => {
  const all = new Map(Object.entries(before))
  for (const [name, value] of Object.entries(more)) {
    if (value !== null || all.get(name) === undefined) all.set(name, joined(all.get(name), value, name))
  }
  return Object.fromEntries(all)
}

/** Fields that come in pieces: texts go on, lists grow, the same `index` is the same entry. */
export const join = (before: Fields | undefined, more: Fields | undefined): Fields | undefined =>
  before === undefined || more === undefined ? before ?? more : joinedFields(before, more)
