/** Whether what a program gives is a history: of items that are what they should be. Pure. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { Item } from "../../History.ts"
import * as Check from "../options.ts"
import { shown } from "../options/shown.ts"
import { below, namesIn } from "../options/walk.ts"

const decode = Schema.decodeUnknownResult(Schema.toType(Item))

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const must = "be a History, such as History.empty or History.fromPrompt gives"

/** What it must be, if it is something else; names the place and quotes nothing. */
export const wrongHistory = (given: unknown): string | undefined => {
  if (!Check.isRecord(given) || !Array.isArray(given.items)) return `${must}, not ${shown(given)}`
  for (const [i, item] of given.items.entries()) {
    if (typeof item !== "object" || item === null) return `${must}: items[${i}] is ${shown(item)}`
    const read = decode(item)
    if (Result.isSuccess(read)) continue
    const place = namesIn(issuesOf(read.failure.issue).issues[0]?.path ?? []).reduce(below, `items[${i}]`)
    return `${must}: ${place} is not what it should be`
  }
  return undefined
}
