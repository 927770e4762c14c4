/** Options that all layers of local programs share. */
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
  args: Check.asIs,
  env: Check.asIs,
  cwd: Check.text(),
  stderr: Check.oneOf(["ignore", "inherit"]),
  timeout: Check.duration({ above: 0, most: longestMs, default: "30 seconds" }),
  concurrency: Check.whole({ least: 1, default: os.availableParallelism() })
}
