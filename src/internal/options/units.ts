/**
 * Values of another unit than was asked for: seconds for milliseconds, percent for a share, kilohertz for hertz. A value
 * that can be nothing else is refused, with the one that may be meant; one that is allowed and yet improbable is a doubt, for a
 * warning. Pure.
 */
import type * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { written } from "./duration.ts"
import { walk } from "./walk.ts"

const units = [["second", 1000], ["minute", 60_000], ["hour", 3_600_000]] as const

/** A length (ms) in a unit that people write bare numbers in: `"15 seconds"`. */
const asWritten = (count: number, unit: string): string => `"${count} ${unit}${count === 1 ? "" : "s"}"`

/** A part of a millisecond, or few of them with a fraction, is no length of anything here: in code it is seconds. */
export const isInSeconds = (given: unknown): given is number =>
  typeof given === "number" && given > 0 && given < 10 && !Number.isInteger(given)

/** What is said of such a number. */
export const inSeconds = (given: number): string =>
  `: a number is milliseconds, so write ${asWritten(given, "second")} if that is meant`

/** How much of what is usual (ms) is still probable. */
const leastShare = 1 / 50

/** How far from what is usual a length may be in the unit that is meant. */
const nearby = 10

/** What is improbable about a length, given as a number, where so many milliseconds are usual. */
export const doubtOf = (usual: number) => (given: unknown): string | undefined => {
  if (typeof given !== "number" || !(given > 0) || given >= usual * leastShare) return undefined
  const meant = units.filter(([, ms]) => given * ms >= usual / nearby && given * ms <= usual * nearby)
  if (meant.length === 0) return undefined
  const forms = meant.map(([unit]) => asWritten(given, unit)).join(" or ")
  return `is ${written(given)}, for a number is milliseconds: write ${forms} if that is meant`
}

/** What a share was in percent. */
export const ofPercent = (given: unknown): string =>
  typeof given === "number" && given > 1 && given <= 100 ? `: ${given / 100} may be meant` : ""

// Rates of audio, as people speak of them.
const kilohertz: ReadonlySet<unknown> = new Set([8, 11.025, 12, 16, 22.05, 24, 32, 44.1, 48, 88.2, 96, 192])

export const isKilohertz = (given: unknown): given is number => kilohertz.has(given)

type Doubt = (given: unknown) => string | undefined

const doubtful = "effect-voice/doubt"

/** The same option, with what is improbable about a value that it takes. */
export const doubting = <Out, In>(option: Schema.Codec<Out, In>, doubt: Doubt): Schema.Codec<Out, In> =>
  option.annotate({ [doubtful]: doubt })

/** All that is improbable about options, each by its name. */
export const doubtsOf = (ast: SchemaAST.AST, given: unknown, where = ""): ReadonlyArray<string> =>
  walk(ast, given, where, ({ annotations }, one, name) => {
    const doubt = (annotations?.[doubtful] as Doubt | undefined)?.(one)
    return doubt === undefined ? [] : [`${name} ${doubt}`]
  })
