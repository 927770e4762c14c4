/** The command `doctor`: asks the providers with the user's own keys, and says what it found. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { envFile, withEnvFile } from "../environment.ts"
import * as flags from "../flags.ts"
import { later } from "../later.ts"
import { explained } from "../userError.ts"
import { most } from "./sentences.ts"

const agent = Argument.String("agent").pipe(
  Argument.withDescription("Module whose providers are asked; without it, those whose keys the environment has"),
  Argument.optional
)

export const doctor = Command.make("doctor", {
  agent,
  envFile,
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON instead of a table"), Flag.withDefault(false)),
  times: flags.whole("times", { least: 1, most }).pipe(
    Flag.withDescription(`Times that each provider is asked, 1 to ${most} (default: ${most})`),
    Flag.withDefault(most)
  ),
  capture: flags.text("capture").pipe(
    Flag.withDescription(
      "Folder for what went over the wire, without keys, audio and words (default: none is written)"
    ),
    Flag.optional
  ),
  words: Flag.Boolean("words").pipe(
    Flag.withDescription("Keep the words in the capture"),
    Flag.withDefault(false)
  )
}, (input) => later(() => import("./asking.ts"), input).pipe(withEnvFile(input.envFile), explained)).pipe(
  Command.withDescription(
    "Ask the providers with your keys: how fast they are, what they say, what is set up wrongly"
  ),
  Command.withExamples([
    { command: "effect-voice doctor", description: "All providers whose keys are in the environment" },
    { command: "effect-voice doctor desk.ts --json --capture wire", description: "Those of an agent, for a report" }
  ])
)
