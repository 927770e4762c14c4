/** A script of replies that does not fit the agent: it is used up, or calls tools that there are not. */
import type * as Event from "../Event.ts"
import type { LlmCall, LlmOptions, LlmScript } from "./llm.ts"

const ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]

/** What the model says then. */
export const missing = (index: number): string => `(the script has no ${ordinals[index] ?? `${index + 1}th`} reply)`

/** What is to be said of a script that is used up. */
export const shortage = (
  script: LlmScript = [],
  { otherwise }: LlmOptions = {},
  asked: number
): string | undefined =>
  typeof script === "function" || script.length === 0 || otherwise !== undefined || asked <= script.length
    ? undefined
    : `the model was asked for ${asked} replies, but its script has ${script.length}: add to \`llm\`, or say by ` +
      `\`llmOptions: { otherwise: "OK." }\` what else it replies`

/** What is to be said of tools that the script calls, and no request has offered. */
export const unknownTools = (
  events: ReadonlyArray<Event.Event>,
  requests: ReadonlyArray<LlmCall>
): ReadonlyArray<string> => {
  const offered = new Set(requests.flatMap(({ tools }) => tools.map(({ name }) => name)))
  const called = new Set(events.flatMap((event) => event._tag === "FunctionCallStarted" ? [event.name] : []))
  return [...called].filter((name) => !offered.has(name)).map((name) => {
    const there = offered.size === 0 ? "the agent has no tools" : `the agent has ${[...offered].join(", ")}`
    return `the script calls the tool ${name}, which there is not: ${there}`
  })
}
