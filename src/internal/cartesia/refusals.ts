/** Which failure each error of Cartesia is, by its status and code; the message beside them may quote what was said. */
import * as Failure from "../../Failure.ts"
import { invalid } from "../provider/options.ts"

/** What an error message says. */
export interface Told {
  /** Like those of HTTP. */
  readonly status: number | undefined
  /** Such as `concurrency_limited`. */
  readonly code: string | undefined
  /** In words; read, and never told. */
  readonly words: string
}

const byCode: ReadonlyArray<readonly [RegExp, Failure.Reason]> = [
  [/concurren|rate_?limit|too_?many/i, new Failure.Rejected({ status: 429 })],
  [/quota|credit|payment|plan_/i, new Failure.Rejected({ status: 402 })],
  [/unauthori[sz]ed|api_?key|authenticat|token/i, new Failure.Rejected({ status: 401 })],
  [/forbidden|permission/i, new Failure.Rejected({ status: 403 })]
]

/** What can be wrong with a request, by the words of an error. */
const options: ReadonlyArray<readonly [RegExp, string]> = [
  [/pronunciation/i, "pronunciation"],
  [/emotion/i, "emotion"],
  [/volume/i, "volume"],
  [/\bspeed\b/i, "speed"],
  [/voice/i, "voice"],
  [/model/i, "model"],
  [/language|locale/i, "language"],
  [/sample_?\s?rate/i, "sampleRate"],
  [/buffer_delay/i, "maxBufferDelay"]
]

const isRefusal = (status: number): boolean => status === 400 || status === 404 || status === 422

export const refusal = ({ code = "", status, words }: Told): Failure.Reason => {
  const known = byCode.find(([pattern]) => pattern.test(code))?.[1]
  if (known !== undefined) return known
  const all = `${code} ${words}`
  // One that has expired: another one serves.
  if (/context/i.test(all) && /closed|expired|not.found|does not exist/i.test(all)) {
    return new Failure.Disconnected({ code: "context" })
  }
  if (status === undefined || !Number.isSafeInteger(status) || status < 400) {
    return new Failure.Broken({ detail: "it reported an error" })
  }
  if (!isRefusal(status)) return new Failure.Rejected({ status })
  const option = options.find(([pattern]) => pattern.test(all))?.[1] ?? "request"
  return invalid(option, `Cartesia cannot use it (${status})`)
}
