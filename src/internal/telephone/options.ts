/** Options of who answers calls, checked. */
import * as Effect from "effect/Effect"
import type { TelephoneOptions } from "../../Telephone.ts"
import { survey } from "../config/findings.ts"
import * as Check from "../options.ts"
import { type Capacity } from "../worker/capacity.ts"
import { invalid, type WorkerError } from "../worker/errors.ts"
import { checkHttp, http, type HttpSettings } from "../worker/options.ts"

// No timer of a worker runs for longer (ms).
const week = 7 * 86_400_000

const schema = Check.struct<TelephoneOptions>()({
  url: Check.required(Check.url(["https:", "http:"])),
  token: Check.required(Check.secret),
  port: Check.port({ default: 8080 }),
  host: Check.text(),
  accept: Check.callback,
  key: Check.secret,
  keySid: Check.text(),
  apiUrl: Check.url(["https:", "http:"], { default: "https://api.twilio.com" }),
  maxCalls: Check.whole({ least: 1, most: 10_000, default: 100 }),
  load: Check.callback,
  loadThreshold: Check.number({ above: 0, most: 1, default: 0.9 }),
  drainTimeout: Check.duration({ most: week, default: "1 hour" }),
  http: Check.or(false, http, { default: {} })
})

export interface Settings extends Omit<typeof schema.Type, "http" | "token"> {
  readonly token: TelephoneOptions["token"]
  readonly http: HttpSettings | undefined
  readonly limits: ConstructorParameters<typeof Capacity>[0]
}

export const check = (options: TelephoneOptions): Effect.Effect<Settings, WorkerError> =>
  Effect.gen(function*() {
    const settings = yield* Check.readOrFail(schema, options, invalid)
    const given = yield* survey({ open: Effect.void, needs: [], refuse: invalid })
    const { load, loadThreshold, maxCalls } = settings
    return {
      ...settings,
      token: options.token,
      limits: { maxJobs: maxCalls, load, loadThreshold },
      http: settings.http === false ? undefined : checkHttp(settings.http, given)
    }
  })
