/**
 * Which process of a pool is worn: it has grown since it was ready, or has had many jobs. It goes
 * on until another is ready in its place, and ends with its last job. One is replaced at a time,
 * and first the one with the fewest jobs.
 */
import type { Child } from "./childHandle.ts"
import type { PoolSettings } from "./options.ts"

const megabyte = 1024 * 1024
/** What a running job may use (MB): it is given back when the job is over. */
const ofOneJob = 20
/** Of the memory that it may use: it is near the load from which on a worker gets no jobs. */
export const crowded = 0.6
/** Then less growth suffices: else it might never get any again. */
const growthWhenCrowded = 64

export type Worn = "grown" | "jobs"

export interface WearOptions extends Pick<PoolSettings, "processes" | "replaceAfterGrowth" | "replaceAfterJobs"> {
  /** Memory that the worker and its pool may use (bytes). */
  readonly memoryLimitBytes: number
}

/** By how much it has grown since it was ready (MB). */
const growth = (child: Child): number =>
  (child.usage.memoryBytes - child.warmBytes) / megabyte - child.jobs.size * ofOneJob

const wornBy = (
  child: Child,
  most: { readonly growth: number; readonly jobs: number }
): Worn | undefined => child.jobs.served >= most.jobs ? "jobs" : growth(child) >= most.growth ? "grown" : undefined

/** The one to be replaced now, if any; `ownBytes` is what the worker's own process uses. */
export const mostWorn = (
  children: ReadonlyArray<Child>,
  ownBytes: number,
  { memoryLimitBytes, processes, replaceAfterGrowth, replaceAfterJobs }: WearOptions
): { readonly child: Child; readonly why: Worn } | undefined => {
  if (children.length !== processes || children.some(({ isWorn, state }) => isWorn || state !== "ready")) {
    return undefined
  }
  const used = children.reduce((sum, { usage }) => sum + usage.memoryBytes, ownBytes)
  const most = {
    growth: replaceAfterGrowth === false
      ? Infinity
      : used >= crowded * memoryLimitBytes
      ? Math.min(replaceAfterGrowth, growthWhenCrowded)
      : replaceAfterGrowth,
    jobs: replaceAfterJobs === false ? Infinity : replaceAfterJobs
  }
  return children
    .flatMap((child) => {
      const reason = wornBy(child, most)
      return reason === undefined ? [] : [{ child, why: reason }]
    })
    .sort((a, b) => a.child.jobs.size - b.child.jobs.size || growth(b.child) - growth(a.child))[0]
}
