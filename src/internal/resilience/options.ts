/** What a program asks of resilience, checked where a service is made: not in the middle of a call. */
import type * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { millisOf } from "../provider/options.ts"
import type { BreakerOptions, FallbackOptions, HedgeOptions, Policy } from "./model.ts"

/**
 * An option has a value that no provider can be asked with. Thrown, or a defect,
 * where the service is made: the program is to be changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends Schema.TaggedError<InvalidOption>("effect-voice/Resilience/InvalidOption")(
  "InvalidOption",
  { option: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `${this.option} ${this.detail}`
  }
}

const refuse = (option: string, detail: string): never => {
  throw new InvalidOption({ option, detail })
}

/** A duration of 0 or more in ms. */
export const millis = (option: string, value: Duration.Input | undefined, fallback: Duration.Input): number => {
  const ms = millisOf(value ?? fallback)
  return ms >= 0 ? ms : refuse(option, "must be a duration of 0 or more, such as \"5 seconds\"")
}

/** A whole number of at least so many, or infinity. */
export const whole = (option: string, value: number | undefined, fallback: number, least: number): number => {
  const number = value ?? fallback
  return number === Number.POSITIVE_INFINITY || (Number.isInteger(number) && number >= least)
    ? number
    : refuse(option, `must be a whole number of ${least} or more, not ${number}`)
}

/** A number, infinite or not. */
export const number = (option: string, value: number | undefined, fallback: number): number => {
  const given = value ?? fallback
  return Number.isNaN(given) ? refuse(option, "must be a number") : given
}

export const checkPolicy = (policy: Policy | undefined, where = ""): void => {
  whole(`${where}retries`, policy?.retries, 0, 0)
  millis(`${where}firstOutput`, policy?.firstOutput, 0)
  millis(`${where}nextOutput`, policy?.nextOutput, 0)
}

export const checkBreaker = (options: Omit<BreakerOptions, "name"> | undefined, where = ""): void => {
  if (options === undefined) return
  whole(`${where}consecutiveFailures`, options.consecutiveFailures, 1, 1)
  whole(`${where}minimumRequests`, options.minimumRequests, 1, 1)
  millis(`${where}window`, options.window, 0)
  if (options.recovery !== undefined && !Schedule.isSchedule(options.recovery)) {
    refuse(`${where}recovery`, "must be a Schedule, such as Schedule.spaced(\"30 seconds\")")
  }
  const rate = options.failureRate ?? 1
  if (!(rate > 0 && rate <= 1)) refuse(`${where}failureRate`, `must be above 0 and at most 1, not ${rate}`)
}

const some = (providers: ReadonlyArray<unknown>): void => {
  if (providers.length === 0) refuse("providers", "must hold at least one")
}

export const checkFallback = <Service>(
  providers: ReadonlyArray<Service>,
  options: FallbackOptions<Service>
): void => {
  some(providers)
  checkPolicy(options.policy, "policy.")
  checkBreaker(options.breaker, "breaker.")
}

export const checkHedge = (providers: ReadonlyArray<unknown>, options: HedgeOptions): void => {
  some(providers)
  checkPolicy(options.policy, "policy.")
  millis("after", options.after, 0)
}
