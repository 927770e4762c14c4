/** What processes use, as the kernel tells it, and how those of the benchmark are started and ended. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

export interface Message {
  readonly phase: string
  readonly result?: unknown
}

export const start = (
  file: string,
  env: Readonly<Record<string, string>> = {},
  execArgv: ReadonlyArray<string> = []
): ChildProcess =>
  fork(fileURLToPath(new URL(file, import.meta.url)), {
    env: { ...process.env, NODE_ENV: "production", ...env },
    execArgv: [...execArgv],
    stdio: ["ignore", "ignore", "inherit", "ipc"]
  })

/** Waits until a process says that it has come so far. */
export const phase = (child: ChildProcess, wanted: string, minutes = 15): Promise<Message> => {
  const { promise, reject, resolve } = Promise.withResolvers<Message>()
  const listen = (message: unknown) => {
    const told = message as Message
    if (told.phase !== wanted) return
    child.off("message", listen)
    resolve(told)
  }
  child.on("message", listen)
  const late = `${child.spawnargs.at(-1)} has not come to "${wanted}" within ${minutes} minutes`
  void sleep(minutes * 60_000, undefined, { ref: false }).then(() => reject(new Error(late)))
  child.once("exit", (code) => reject(new Error(`${child.spawnargs.at(-1)} ended with ${code} before ${wanted}`)))
  return promise
}

export const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGKILL")
  await ended
}

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8")
  } catch {
    // It has ended.
    return ""
  }
}

const statOf = (pid: number): ReadonlyArray<string> => {
  const stat = read(pid, "stat")
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")
}

/** A process and all below it. */
export const tree = (root: number): ReadonlyArray<number> => {
  const parents = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => {
    const pid = Number(name)
    return [pid, Number(statOf(pid)[1])] as const
  })
  const all = [root]
  for (const parent of all) for (const [pid, ppid] of parents) if (ppid === parent) all.push(pid)
  return all
}

const ticks = 100
const sum = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0)

/** Seconds of CPU of a process and all below it. */
export const cpuSeconds = (root: number): number =>
  sum(
    tree(root).map((pid) => {
      const [user, system] = statOf(pid).slice(11, 13).map(Number)
      return ((user ?? 0) + (system ?? 0)) / ticks
    })
  )

/** Ends a process and all below it. */
export const killTree = async (child: ChildProcess): Promise<void> => {
  const below = child.pid === undefined || child.exitCode !== null || child.signalCode !== null
    ? []
    : tree(child.pid).slice(1)
  await kill(child)
  for (const pid of below) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It has ended.
    }
  }
}

/** Proportional memory of a process and all below it. */
export const megabytes = (root: number): number => sum(tree(root).map(megabytesOf))

export const megabytesOf = (pid: number): number =>
  Number(/^Pss: +(\d+)/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0) / 1024

/** What of it is its own, and no part of a file that others have mapped, too. */
export const anonymousOf = (pid: number): number =>
  Number(/^Pss_Anon: +(\d+)/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0) / 1024

export const isZombie = (pid: number): boolean => statOf(pid)[0] === "Z"

export const countOf = (pid: number, what: "fd" | "task"): number => {
  try {
    return readdirSync(`/proc/${pid}/${what}`).length
  } catch {
    return 0
  }
}
