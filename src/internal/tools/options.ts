/** How a tool is run. */
import type { Options } from "../../Tools.ts"
import * as Check from "../options.ts"

export const calling = Check.struct<Options>()({
  timeout: Check.duration(),
  onPreliminary: Check.asIs,
  approve: Check.asIs
})
