/** Lengths of time as programs write them, and as people read them. */
import * as Duration from "effect/Duration"

const units: ReadonlySet<string> = new Set([
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds"
])

/** Whether an object has lengths, all of them numbers, and nothing that Duration would pass over. */
const isLengths = (input: object): boolean => {
  if (Array.isArray(input)) return input.length === 2 && input.every(isNumber)
  if (!Object.keys(input).every((unit) => units.has(unit))) return false
  const given = [...units].map((unit) => (input as Record<string, unknown>)[unit]).filter((one) => one !== undefined)
  return given.length > 0 && given.every(isNumber)
}

const isNumber = (value: unknown): boolean => typeof value === "number" && !Number.isNaN(value)

/** A time in ms; not a number where it is none, where Duration takes much for 0. */
export const lengthOf = (input: unknown): number => {
  if (typeof input === "number") return input
  if (input === null || input === undefined) return Number.NaN
  if (typeof input === "object" && !Duration.isDuration(input) && !isLengths(input)) return Number.NaN
  const duration = Duration.fromInput(input as Duration.Input)
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : Number.NaN
}

const steps = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1000, "second"], [1, "milli"]] as const

/** A time as one would write it: `500 millis`, `90 seconds`, `1 hour`. */
export const written = (ms: number): string => {
  if (ms === 0 || !Number.isFinite(ms)) return String(ms)
  const [length, unit] = steps.find(([length]) => Number.isInteger(ms / length)) ?? [1, "milli"] as const
  return `${ms / length} ${unit}${ms / length === 1 ? "" : "s"}`
}

/** What was given in place of a time, where it can be shown: it is part of a program, not of a call. */
export const shownLength = (given: unknown): string => {
  if (typeof given === "string") return given.length > 24 ? "" : `, not "${given}"`
  if (typeof given === "number" || typeof given === "bigint") return `, not ${given}`
  if (Duration.isDuration(given)) return `, not ${written(Duration.toMillis(given))}`
  if (typeof given !== "object" || given === null || Array.isArray(given)) return ""
  const lengths = Object.entries(given).slice(0, 3).map(([unit, length]) => `${unit}: ${String(length).slice(0, 24)}`)
  return `, not { ${lengths.join(", ")} }`
}
