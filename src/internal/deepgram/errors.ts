/** What Deepgram reports as an error in a message. */
import * as Schema from "effect/Schema"
import * as Failure from "../../Failure.ts"
import { maybe } from "../provider/hints.ts"
import { toldReason } from "../provider/told.ts"

/** Where it names one. */
export const errorFields = {
  code: maybe(Schema.Unknown),
  err_code: maybe(Schema.Unknown),
  variant: maybe(Schema.Unknown)
}

/** What the error means by its name; its description may quote what was said. */
export const reported = ({ code, err_code: other, variant }: {
  readonly code?: unknown
  readonly err_code?: unknown
  readonly variant?: unknown
}): Failure.Reason => {
  const reason = toldReason({ code: code ?? other ?? variant })
  return reason._tag === "Broken" ? new Failure.Broken({ detail: "it reported an error" }) : reason
}
