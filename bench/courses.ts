/**
 * A fingerprint of how random conversations go: every event with its time, the
 * history, what the model was asked and what was said. A change that moves code
 * and no behaviour keeps it. Arguments: conversations (1000), first seed (1), and
 * a JSON file that maps names of today to names of another commit, where names
 * have changed between the two. Prints JSON, with a fingerprint of each hundred,
 * so that a difference is found quickly.
 */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Testing from "../src/testing.ts"

const runs = Number(process.argv[2] ?? 1000)
const first = Number(process.argv[3] ?? 1)
const names = process.argv[4] === undefined
  ? new Map<string, string>()
  : new Map(Object.entries(JSON.parse(readFileSync(process.argv[4], "utf8")) as Record<string, string>))

const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  if (typeof value === "string") return names.get(value) ?? value
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  // Neither the order of fields nor what is undefined is behaviour.
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [names.get(key) ?? key, inner] as const).sort(([a], [b]) =>
      a < b ? -1 : 1
    )
  )
}

const course = (seed: number) =>
  Effect.map(Testing.replay(seed), ({ timeline, violations }) =>
    JSON.stringify({
      events: timeline.events,
      history: timeline.history.items,
      prompts: timeline.requests.map(({ prompt }) => prompt.content),
      audible: timeline.audible,
      endedAt: timeline.endedAt,
      violations
    }, plain))

const hash = (texts: ReadonlyArray<string>): string => {
  const sum = createHash("sha256")
  for (const text of texts) sum.update(text).update("\n")
  return sum.digest("hex").slice(0, 16)
}

const courses: Array<string> = []
for (let seed = first; seed < first + runs; seed++) courses.push(hash([await Effect.runPromise(course(seed))]))
const hundreds = Array.from({ length: Math.ceil(runs / 100) }, (_, i) => hash(courses.slice(i * 100, i * 100 + 100)))
process.stdout.write(
  `${JSON.stringify({ conversations: runs, first, fingerprint: hash(courses), hundreds }, undefined, 2)}\n`
)
