/** A script of replies that is used up: what is seen of it. */
import type { LlmOptions, LlmScript } from "./llm.ts"

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
