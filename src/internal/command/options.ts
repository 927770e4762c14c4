/** Options that all layers of local programs share. */
import * as Redacted from "effect/Redacted"
import * as os from "node:os"
import * as path from "node:path"
import * as Check from "../options.ts"

/** The program without its directory. */
export const nameOf = (program: string): string => path.basename(program)

// What a timer of Node can wait for.
const longestMs = 2 ** 31 - 1

export const fields = {
  name: Check.text(),
  program: Check.required(Check.text({ must: "be the name or the path of a program" })),
  args: Check.such<ReadonlyArray<string> | ((call: never) => ReadonlyArray<string>)>(
    (given) => typeof given === "function" || Array.isArray(given) && given.every((one) => typeof one === "string"),
    "be a list of texts, or a function that gives one"
  ) as Check.AsIs,
  env: Check.such<Readonly<Record<string, string | Redacted.Redacted>>>(
    (given) =>
      Check.isRecord(given) && Object.values(given).every((one) => typeof one === "string" || Redacted.isRedacted(one)),
    "be an object of texts, or Redacted ones, by their names"
  ),
  cwd: Check.text(),
  stderr: Check.oneOf(["ignore", "inherit"]),
  timeout: Check.duration({ above: 0, most: longestMs, default: "30 seconds" }),
  concurrency: Check.whole({ least: 1, default: os.availableParallelism() })
}
