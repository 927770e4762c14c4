/** What the carrier tells of a call in the form of a webhook, and what the program decides about it. */
import * as Predicate from "effect/Predicate"
import type { Decision } from "../../Telephone.ts"
import type { CallFacts } from "./accept.ts"

export interface Told extends Required<CallFacts> {
  readonly id: string
  /** The call is over: the form is no question, but a report. */
  readonly over: boolean
}

const sidLike = /^[\w-]{1,64}$/

const ends: ReadonlySet<string | undefined> = new Set(["completed", "busy", "failed", "no-answer", "canceled"])

// Words that stand for a number that is not told, and the keys that spell them: a carrier may write these instead.
const withheld: ReadonlySet<string> = new Set([
  "anonymous",
  "unavailable",
  "unknown",
  "restricted",
  "blocked",
  "private",
  "withheld",
  "266696687",
  "86282452253",
  "8656696",
  "7378742833",
  "2562533"
])

/** A number, or an address of another kind, as the carrier writes it; none if it is withheld. */
const numberOf = (given: string | undefined): string | undefined => {
  const number = given?.trim() ?? ""
  const name = /^(?:sips?:|tel:)?\+?([^@;]*)/i.exec(number)?.[1]?.trim().toLowerCase() ?? ""
  return name === "" || withheld.has(name) ? undefined : number
}

/** Reads a form; nothing if it is about no call. */
export const read = (pairs: ReadonlyArray<readonly [string, string]>): Told | undefined => {
  const form = new Map(pairs)
  const id = form.get("CallSid")
  if (id === undefined || !sidLike.test(id)) return undefined
  return {
    id,
    direction: form.get("Direction")?.startsWith("outbound") === true ? "outbound" : "inbound",
    from: numberOf(form.get("From")),
    to: numberOf(form.get("To")),
    over: ends.has(form.get("CallStatus"))
  }
}

/** What is wrong with what `accept` gives: who writes no types may give anything. */
export const decisionProblem = (given: unknown): string | undefined => {
  if (typeof given === "boolean") return undefined
  const parameters = Predicate.hasProperty(given, "parameters") ? given.parameters : undefined
  if (typeof parameters !== "object" || parameters === null || Array.isArray(parameters)) {
    return "must give true, false, or { parameters: { name: \"value\" } }"
  }
  return Object.values(parameters).every(Predicate.isString) ? undefined : "must give parameters that are texts"
}

/** What the job is told. */
export const parametersOf = (decision: Exclude<Decision, false>): Readonly<Record<string, string>> =>
  decision === true ? {} : decision.parameters
