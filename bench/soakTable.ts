/**
 * The log of a soak as the table of `docs/soak.md`: a row for each worker every
 * three minutes (or as the argument says), then what was looked at, and the verdict.
 *
 *     node bench/soakTable.ts < soak.log
 */
import { text } from "node:stream/consumers"

interface Sample {
  readonly worker: string
  readonly seconds: number
  readonly connections: number
  readonly anonymous: number
  readonly heap: number
  readonly handles: number
  readonly listeners: number
  readonly descriptors: number
  readonly threads: number
  readonly processes: number
  readonly zombies: number
}

interface Line {
  readonly sample?: Sample
  readonly check?: string
  readonly ok?: boolean
  readonly verdict?: string
  /** Kilobytes that each process has lost with each of its calls. */
  readonly kbEach?: Readonly<Record<string, number>>
  readonly [more: string]: unknown
}

const every = 60 * Number(process.argv[2] ?? 3)
if (!(every > 0)) {
  process.stderr.write("soakTable: the minutes between two rows must be above 0\n")
  process.exit(2)
}

/** What npm says before and after is no line of the log. */
const lines = (await text(process.stdin)).split("\n").flatMap((line): ReadonlyArray<Line> =>
  line.startsWith("{") ? [JSON.parse(line) as Line] : []
)

const samples = lines.flatMap(({ sample }) => sample ?? [])
/** Of each worker: the first, one for each step from then on, and the last. */
const shown = samples.filter((sample, i) => {
  const own = samples.slice(0, i).filter(({ worker }) => worker === sample.worker)
  const before = own.at(-1)
  return before === undefined || Math.floor(before.seconds / every) < Math.floor(sample.seconds / every) ||
    !samples.slice(i + 1).some(({ worker }) => worker === sample.worker)
})

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<unknown>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const measures = table(
  [
    "Minute",
    "Process",
    "Connections",
    "Memory (MB)",
    "Heap (MB)",
    "Handles",
    "Listeners",
    "Files",
    "Threads",
    "Processes"
  ],
  shown.map((one) => [
    (one.seconds / 60).toFixed(1),
    one.worker,
    Math.round(one.connections),
    one.anonymous,
    one.heap,
    one.handles,
    one.listeners,
    one.descriptors,
    one.threads,
    one.processes
  ])
)

const checks = table(
  ["Looked at", "Good", "Figures"],
  lines.flatMap(({ check, ok, ...figures }) =>
    check === undefined
      ? []
      : [[check, ok === true ? "yes" : "no", Object.entries(figures).map(([name, of]) => `${name} ${of}`).join(", ")]]
  )
)

const verdict = lines.find(({ verdict }) => verdict !== undefined)
const said = verdict === undefined
  ? "The log has no verdict: the soak was ended before its time."
  : `Verdict: **${verdict.verdict}**, ${verdict["calls"]} calls in ${verdict["minutes"]} minutes.`

/** The control, and what that allows the others. */
const alone = "rtc-node alone"
const { [alone]: lost, ...others } = verdict?.kbEach ?? {}
const allowance = lost === undefined
  ? []
  : [
    `A call costs rtc-node alone ${lost} kB of memory that it does not give back. The workers may lose as much, beside what "Looked at" says; ` +
    `they have lost ${Object.entries(others).map(([name, kb]) => `${kb} (${name})`).join(" and ")}.`
  ]

process.stdout.write(`${[measures, checks, ...allowance, said].join("\n\n")}\n`)
