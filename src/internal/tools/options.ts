/** How a tool is run. */
import type { Options, RunnerOptions } from "../../Tools.ts"
import * as Check from "../options.ts"

const fields = {
  timeout: Check.duration(),
  onPreliminary: Check.callback,
  approve: Check.callback
}

export const calling = Check.struct<Options>()(fields)

/** How the tools of a conversation are. */
export const runner = Check.struct<RunnerOptions>()({ ...fields, onOutput: Check.callback })
