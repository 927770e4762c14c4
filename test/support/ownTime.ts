/**
 * Time as this process has it, without that in which others have the cores: a limit of the clock would tell how busy the
 * machine is.
 */
import { performance } from "node:perf_hooks"
import process from "node:process"

export interface Moment {
  readonly clock: number
  readonly worked: number
  readonly waited: number
}

export const moment = (): Moment => {
  const { system, user } = process.cpuUsage()
  return {
    clock: performance.now(),
    worked: (user + system) / 1000,
    waited: performance.eventLoopUtilization().idle
  }
}

/** Milliseconds that it worked or waited from one moment to another. */
export const msBetween = (from: Moment, to: Moment): number =>
  Math.min(to.clock - from.clock, to.worked - from.worked + to.waited - from.waited)

/** Milliseconds that it worked or waited since a moment. */
export const msSince = (from: Moment): number => msBetween(from, moment())

/** Milliseconds that it worked since a moment. */
export const msWorkedSince = (from: Moment): number => moment().worked - from.worked
