/** What the load of a worker is told from. */
/** What one process uses. */
export interface Usage {
  /** Cores in use, averaged over the last seconds. */
  readonly cpu: number
  readonly memoryBytes: number
  /** p99 of the last seconds. */
  readonly eventLoopDelayMs: number
  /** Open files (sockets count), as a share of the process's own limit; 0 where that cannot be told. */
  readonly filesShare: number
  /** Heap of JavaScript in use, as a share of the process's own limit. */
  readonly heapShare: number
}

export const noUsage: Usage = { cpu: 0, memoryBytes: 0, eventLoopDelayMs: 0, filesShare: 0, heapShare: 0 }

/** Delay of the event loop from which on callers hear it. */
const delayLimitMs = 100

/** Load at which a server gives no more jobs. */
const serverLimit = 0.7

export interface Facts extends Usage {
  readonly cores: number
  readonly memoryLimitBytes: number
  readonly jobs: number
  readonly maxJobs: number
}

const share = (part: number, whole: number): number => Math.min(1, Math.max(0, part / whole))

/**
 * The scarcest resource decides. A worker that is full by its number of jobs
 * stands exactly where the server stops.
 */
export const defaultLoad = (facts: Facts): number =>
  Math.max(
    share(facts.cpu, facts.cores),
    share(facts.memoryBytes, facts.memoryLimitBytes),
    share(facts.eventLoopDelayMs, delayLimitMs),
    share(facts.filesShare, 1),
    share(facts.heapShare, 1),
    share(facts.jobs, facts.maxJobs) * serverLimit
  )
