/** What every provider that a program makes itself is told: its options, which are checked where it is made. */
import * as Check from "../options.ts"

/** Its name, in errors and metrics. */
export const name = Check.required(Check.text())

/** What it does. */
export const act = Check.required(Check.callback)

export const fields = { name, model: Check.text(), prewarm: Check.effect }
