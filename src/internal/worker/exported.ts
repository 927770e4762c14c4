/** What a module exports by default: the definition of a worker, or something else that a worker cannot be made of. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { type Definition, isDefinition } from "../../Worker.ts"

const defaultOf = (value: unknown): unknown => Predicate.hasProperty(value, "default") ? value.default : undefined

/** The definition; of a module that a compiler has made CommonJS of, the default export is one step further. */
export const definitionIn = (module: unknown): Definition<unknown> | undefined => {
  const found = [defaultOf(module), defaultOf(defaultOf(module))].find(isDefinition)
  return isDefinition(found) ? found : undefined
}

const kindOf = (value: unknown): string => {
  if (Effect.isEffect(value)) return "an Effect"
  if (Predicate.isPromise(value)) return "a promise"
  if (typeof value === "function") return "a function"
  return Predicate.hasProperty(value, "instructions")
    ? "an agent, which a definition runs"
    : "no definition of a worker"
}

/** What is there in its place. */
export const insteadOf = (module: unknown): string => {
  const named = Predicate.isObject(module) ? Object.entries(module).find(([, value]) => isDefinition(value)) : undefined
  if (named !== undefined) return `its definition is exported as ${named[0]}, not by default`
  const given = defaultOf(module)
  return given === undefined ? "it has no default export" : `its default export is ${kindOf(given)}`
}
