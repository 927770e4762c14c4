/** How much of a history is kept. */
import * as Check from "../options.ts"

const truncation = Check.struct<{ readonly maxItems: number }>()({
  maxItems: Check.required(Check.whole({ endless: true }))
})

export const truncating = (options: typeof truncation.Encoded): typeof truncation.Type =>
  Check.readOrThrow(truncation, options)
