/**
 * What was thrown, read in such a way that it cannot throw again. Anything can be thrown, with getters that throw, by a
 * proxy that refuses, or as its own cause.
 */
import * as Predicate from "effect/Predicate"

/** Lines of a trace that are told. */
const mostFrames = 50

/** Where it was made: a trace without what was said in it. */
export const framesOf = (stack: string): string =>
  stack.split("\n").filter((line) => /^\s+at /.test(line)).slice(0, mostFrames).map((line) => `\n${line}`).join("")

/** What is read of an error, here and by others. */
const parts = ["_tag", "cause", "code", "constructor", "errors", "message", "name", "reason", "stack"] as const

const canBeRead = (thrown: object): boolean => {
  try {
    for (const part of parts) if (Reflect.has(thrown, part)) Reflect.get(thrown, part)
    return !(thrown instanceof Error) || typeof thrown.name === "string" && typeof thrown.message === "string"
  } catch {
    return false
  }
}

const textIn = (thrown: object, part: "message" | "name" | "stack"): string | undefined => {
  try {
    const text: unknown = Reflect.get(thrown, part)
    return typeof text === "string" ? text : undefined
  } catch {
    return undefined
  }
}

/**
 * What was thrown, as it may be asked for its kind and its message: anything can be thrown, and where a getter or a
 * proxy throws once more, this gives an error of what can be read.
 */
export const readable = (thrown: unknown): unknown => {
  if (!(typeof thrown === "object" || typeof thrown === "function") || thrown === null || canBeRead(thrown)) {
    return thrown
  }
  const copy = new Error(textIn(thrown, "message") ?? "what was thrown cannot be read")
  copy.name = textIn(thrown, "name") ?? "Error"
  copy.stack = `${copy.name}: ${copy.message}${framesOf(textIn(thrown, "stack") ?? "")}`
  return copy
}

/** As far as causes are asked for more. */
export const deepest = 8

/** Code of a broken connection, such as `ECONNREFUSED`: the message beside it may hold the URL. */
export const codeOf = (cause: unknown): string | undefined => {
  let at = readable(cause)
  // One that is its own cause, however far, tells nothing more.
  for (let depth = 0; depth < deepest && Predicate.isObject(at); depth++) {
    if ("code" in at && typeof at.code === "string") return at.code
    at = "cause" in at ? readable(at.cause) : undefined
  }
  return undefined
}

/** Names what broke without telling what it said: messages may hold content or keys. */
export const defectName = (defect: unknown): string => {
  const error = readable(defect)
  return error instanceof Error ? error.name : typeof defect
}
