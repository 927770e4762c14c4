/** What is wrong with a script, in words: who writes one in JavaScript is told by no compiler. Pure. */
import { isRecord } from "../internal/options.ts"
import { shown } from "../internal/options/shown.ts"
import type { Scenario } from "./scenario.ts"

const callers = "something that the caller does, such as Testing.say(1000, 2000, \"Hello?\")"

/** What each part must be, and whether it is. */
const parts: ReadonlyArray<readonly [part: keyof Scenario, must: string, is: (given: unknown) => boolean]> = [
  ["user", `a list of ${callers}`, Array.isArray],
  ["at", "a list of steps, such as [{ at: 1000, do: (session) => session.say(\"Hello.\") }]", Array.isArray],
  [
    "llm",
    "a list of replies, such as [\"Hello.\"], or a function of the request",
    (given) => Array.isArray(given) || typeof given === "function"
  ],
  [
    "tts",
    "how the voice speaks, such as { duration: 1500 }, a list of that, or a function",
    (given) => Array.isArray(given) || isRecord(given) || typeof given === "function"
  ],
  ["room", "an object of options, such as { kind: \"sip\" }", isRecord],
  ["stt", "an object of options, such as { interims: true }", isRecord],
  ["vad", "an object of options", isRecord],
  ["options", "an object of options of the pipeline", isRecord]
]

const wrongPart = (scenario: Scenario<never, never, unknown>): string | undefined => {
  for (const [part, must, is] of parts) {
    const given: unknown = scenario[part]
    if (given !== undefined && !is(given)) return `${part} must be ${must}, not ${shown(given, { quote: true })}`
  }
  const action = (scenario.user ?? []).findIndex((one: unknown) => !isRecord(one) || one["_tag"] === undefined)
  if (action >= 0) return `user.${action} must be ${callers}, not ${shown(scenario.user?.[action], { quote: true })}`
  const step = (scenario.at ?? []).findIndex((one: unknown) => !isRecord(one) || typeof one["do"] !== "function")
  return step < 0 ? undefined : `at.${step} must be a step, such as { at: 1000, do: (session) => session.close() }`
}

const wrongTime = ({ at = [], user = [] }: Pick<Scenario, "user" | "at">): string | undefined => {
  const wrong = [...user, ...at].find(({ at }) => !(at >= 0 && at < Infinity))
  if (wrong !== undefined) return `at: ${shown(wrong.at, { quote: true })} is no time of the Clock in milliseconds`
  const reversed = user.find((action) => action._tag === "Say" && !(action.to >= action.at))
  return reversed?._tag !== "Say"
    ? undefined
    : `say: the speech ends at ${reversed.to}, before it begins at ${reversed.at}`
}

export const wrongScript = (scenario: Scenario<never, never, unknown>): string | undefined =>
  wrongPart(scenario) ?? wrongTime(scenario)
