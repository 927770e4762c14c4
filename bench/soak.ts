/**
 * Hours in short: calls come and go on a real server, and nothing may grow.
 *
 * Two workers, one whose calls are fibers and one with a pool of two processes,
 * and rtc-node alone in a third process, which does as much with it as they, serve four
 * callers at a time, who ask, interrupt, hang up, or lose their room.
 * Every ten seconds what each process holds is written down as a line of JSON:
 * memory after a collection of garbage (MB: PSS, and what of it is anonymous),
 * JavaScript heap, handles, file descriptors, threads, listeners, and how many
 * processes there are, zombies among them. The last line is the verdict; the exit
 * code is 1 if it is bad.
 *
 * - anonymous memory must be flat after a third of the time, five minutes at most:
 *   by the line through all samples it may grow by 8 MB (16 in a run of less than a
 *   quarter of an hour, in which everything is still young) or 5 % until the end, and
 *   by what rtc-node alone has lost with as many calls: nothing here can give that back
 * - heap the same, with 3 MB; the other counts may be no higher at the end of the
 *   last call than they were after the first ones
 * - rtc-node alone asks the engine for every kind of thing that a worker asks for: else
 *   what it loses would tell nothing about them
 * - every call is joined and answered, no process is a zombie or ends by itself
 * - when the calls are over the workers drain, and end within ten seconds
 *
 * Needs `npm run build` and a LiveKit server (see `test/livekit/support/launch.ts`).
 * Argument, or `SOAK_MINUTES`: minutes (30).
 */
import { type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { launch } from "../test/livekit/support/launch.ts"
import type { Call } from "./livekit/joiner.ts"
import type { Tally } from "./livekit/patrons.ts"
import { anonymousOf, countOf, isZombie, killTree, megabytesOf, phase, start, tree } from "./livekit/processes.ts"
import type { Held } from "./livekit/watch.ts"

const { SOAK_MINUTES } = process.env
const minutes = Number(process.argv[2] ?? SOAK_MINUTES ?? 30)
if (!(minutes >= 1 && minutes <= 24 * 60)) {
  process.stderr.write("soak: the minutes, as argument or SOAK_MINUTES, must be between 1 and 1440\n")
  process.exit(2)
}
const every = 10_000
const warmUp = Math.min(5, minutes / 3) * 60_000

interface Sample extends Held {
  readonly worker: string
  /** Rooms that were joined and left. */
  readonly connections: number
  readonly seconds: number
  readonly megabytes: number
  readonly anonymous: number
  readonly descriptors: number
  readonly threads: number
  readonly processes: number
  readonly zombies: number
}

const folder = mkdtempSync(join(tmpdir(), "effect-voice-soak-"))
const began = performance.now()
const elapsed = (): number => performance.now() - began
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
/** The kinds of requests are the same each time. */
const log = ({ requests: _, ...sample }: Sample): void => say({ sample })
const round = (value: number): number => Math.round(value * 10) / 10

/** Asks a process for what it holds; absent where it does not run our code, or has just begun. */
const ask = async (pid: number): Promise<Held | undefined> => {
  const file = join(folder, String(pid))
  if (!existsSync(file)) return undefined
  const before = statSync(file).mtimeMs
  try {
    process.kill(pid, "SIGUSR2")
  } catch {
    return undefined
  }
  for (let waited = 0; waited < 3000; waited += 20) {
    await sleep(20)
    if (statSync(file).mtimeMs > before) return JSON.parse(readFileSync(file, "utf8")) as Held
  }
  return undefined
}

const sample = async (worker: string, child: ChildProcess, connections: number): Promise<Sample> => {
  const pids = tree(child.pid!)
  const held = (await Promise.all(pids.map(ask))).filter((one) => one !== undefined)
  const total = (of: (one: Held) => number): number => round(held.reduce((sum, one) => sum + of(one), 0))
  const counted = (of: (pid: number) => number): number => pids.reduce((sum, pid) => sum + of(pid), 0)
  return {
    worker,
    connections,
    seconds: Math.round(elapsed() / 1000),
    megabytes: round(counted(megabytesOf)),
    anonymous: round(counted(anonymousOf)),
    heap: total((one) => one.heap),
    reserved: total((one) => one.reserved),
    external: total((one) => one.external),
    handles: total((one) => one.handles),
    listeners: total((one) => one.listeners),
    requests: [...new Set(held.flatMap(({ requests }) => requests))],
    descriptors: counted((pid) => countOf(pid, "fd")),
    threads: counted((pid) => countOf(pid, "task")),
    processes: pids.length,
    zombies: pids.filter(isZombie).length
  }
}

/** By how much the line through the points rises from the first to the last. */
const rise = (points: ReadonlyArray<readonly [x: number, y: number]>): number => {
  const n = points.length
  const [meanX, meanY] = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis]!, 0) / n) as [
    number,
    number
  ]
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) /
    points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return n < 3 ? 0 : slope * (points.at(-1)![0] - points[0]![0])
}

// The young generation grows in steps of megabytes as calls come, which would look like a leak.
const flags = ["--expose-gc", "--max-semi-space-size=8"]
const kinds = [["fibers", {}], ["pool", { BENCH_POOL: "2" }]] as const
const expected = new Map<string, number>([["fibers", 1], ["pool", 3]])
const alone = "rtc-node alone"
const names = [...kinds.map(([name]) => name), alone]
const nothing: Tally = { calls: 0, replies: 0, alone: 0, missed: 0, broken: 0 }
const server = await launch()
const children: Array<ChildProcess> = []
const cleanUp = async (): Promise<void> => {
  for (const child of children) await killTree(child)
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(130)))
}

let good = false
try {
  const { key, secret, url } = server
  const workers = kinds.map(([name, env]) => {
    const child = start("agent.ts", {
      ...env,
      BENCH_AGENT: name,
      WATCH_DIR: folder,
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: key,
      LIVEKIT_API_SECRET: secret
    }, flags)
    children.push(child)
    return { name, child }
  })
  const patrons = start("patrons.ts")
  const joiner = start("joiner.ts", { WATCH_DIR: folder }, flags)
  children.push(patrons, joiner)
  await Promise.all([...workers.map(({ child }) => child), patrons, joiner].map((child) => phase(child, "ready")))
  let tallies: Readonly<Record<string, Tally>> = {}
  const tallyOf = (name: string): Tally => tallies[name] ?? nothing
  patrons.on("message", (message: { readonly phase: string; readonly result?: typeof tallies | Call }) => {
    if (message.phase === "invite") joiner.send(message.result as Call)
    else if (message.result !== undefined) tallies = message.result as typeof tallies
  })
  const over = phase(patrons, "end", minutes + 2)
  // Nobody waits for it where something else goes wrong.
  over.catch(() => undefined)
  patrons.send({ url, key, secret, atOnce: 4, agents: names, alone })

  const samples: Array<Sample> = []
  const look = async (): Promise<ReadonlyArray<Sample>> => {
    const taken = await Promise.all([
      ...workers.map(({ child, name }) => sample(name, child, tallyOf(name).calls)),
      sample(alone, joiner, tallyOf(alone).calls)
    ])
    for (const one of taken) log(one)
    return taken
  }
  const ended = minutes * 60_000
  while (elapsed() < ended) {
    await sleep(Math.min(every, Math.max(0, ended - elapsed())))
    samples.push(...await look())
    const gone = workers.find(({ child }) => child.exitCode !== null || child.signalCode !== null)
    if (gone !== undefined) throw new Error(`the worker ${gone.name} has ended by itself`)
  }
  patrons.send("stop")
  await Promise.race([over, sleep(60_000).then(() => Promise.reject(new Error("the callers did not come to an end")))])
  // The server closes the rooms, the agents leave.
  await sleep(5000)
  const atRest = await Promise.all(workers.map(({ child, name }) => sample(name, child, tallyOf(name).calls)))
  for (const one of atRest) log(one)

  const drained = await Promise.all(workers.map(async ({ child, name }) => {
    const [exit, asked] = [once(child, "exit"), performance.now()]
    child.kill("SIGTERM")
    const [code] = await Promise.race([exit, sleep(10_000, ["late"])])
    return { check: `${name}: drains and ends`, ok: code === 0, code, ms: Math.round(performance.now() - asked) }
  }))

  const warmOf = (name: string) => samples.filter(({ seconds, worker }) => worker === name && seconds * 1000 > warmUp)
  const grownIn = (warm: ReadonlyArray<Sample>, what: "anonymous" | "heap" | "threads") =>
    rise(warm.map((one) => [one.seconds, one[what]]))
  const connectionsIn = (warm: ReadonlyArray<Sample>) => warm.at(-1)!.connections - warm[0]!.connections
  const each = (name: string, what: "anonymous" | "threads"): number => {
    const warm = warmOf(name)
    return Math.max(0, grownIn(warm, what) / Math.max(1, connectionsIn(warm)))
  }
  const lostEach = each(alone, "anonymous")
  const threadsEach = each(alone, "threads")

  const checks = workers.flatMap(({ name }) => {
    const own = samples.filter(({ worker }) => worker === name)
    const warm = warmOf(name)
    const [first, rest] = [warm[0]!, atRest.find(({ worker }) => worker === name)!]
    const flat = (what: "anonymous" | "heap", least: number) => {
      const grown = round(grownIn(warm, what))
      const native = what === "heap" ? 0 : round(lostEach * connectionsIn(warm))
      const allowed = round(Math.max(least, 0.05 * first[what]) + native)
      return { check: `${name}: ${what} flat`, ok: grown <= allowed, grown, allowed, native, from: first[what] }
    }
    const settled = (what: "handles" | "listeners" | "descriptors" | "threads") => {
      const native = what === "threads" ? Math.ceil(threadsEach * connectionsIn(warm)) : 0
      const most = Math.max(...own.slice(0, own.length - warm.length + 1).map((one) => one[what])) + native
      return { check: `${name}: ${what} given back`, ok: rest[what] <= most, atRest: rest[what], most, native }
    }
    return [
      flat("anonymous", minutes < 15 ? 16 : 8),
      flat("heap", 3),
      settled("handles"),
      settled("listeners"),
      settled("descriptors"),
      settled("threads"),
      { check: `${name}: no zombie`, ok: [...own, rest].every(({ zombies }) => zombies === 0) },
      {
        // While it starts there are others, for a moment.
        check: `${name}: as many processes as there should be`,
        ok: [...warm, rest].every(({ processes }) => processes === expected.get(name)),
        processes: rest.processes
      }
    ]
  })
  const tally = workers.map(({ name }) => tallyOf(name)).reduce((a, b) => ({
    calls: a.calls + b.calls,
    replies: a.replies + b.replies,
    alone: a.alone + b.alone,
    missed: a.missed + b.missed,
    broken: a.broken + b.broken
  }))
  const answered = {
    check: "every call is joined and answered",
    ok: tally.calls > 0 && tally.alone + tally.missed + tally.broken === 0,
    ...tally
  }
  // Else its loss tells nothing about theirs.
  const asked = new Set(samples.filter(({ worker }) => worker === alone).flatMap(({ requests }) => requests))
  const missing = [...new Set(atRest.flatMap(({ requests }) => requests))].filter((kind) => !asked.has(kind))
  const fair = {
    check: `${alone}: asks the engine for all that a worker asks`,
    ok: asked.size > 0 && missing.length === 0,
    ...(missing.length === 0 ? {} : { missing: missing.join(" ") })
  }
  const all = [...checks, ...drained, answered, fair]
  good = all.every(({ ok }) => ok)
  for (const check of all) say(check)
  say({
    verdict: good ? "good" : "bad",
    minutes,
    calls: tally.calls,
    kbEach: Object.fromEntries(names.map((name) => [name, Math.round(each(name, "anonymous") * 1024)])),
    failed: all.filter(({ ok }) => !ok).length
  })
} finally {
  await cleanUp()
}
process.exit(good ? 0 : 1)
