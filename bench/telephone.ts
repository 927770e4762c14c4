/**
 * What a telephone call costs, and how soon it is answered: callers of a carrier
 * that plays in real time, in a process of their own.
 *
 * - `replyMs`: from the caller's last loud 20 ms to the first of the agent that is
 *   played to them; the 500 ms after which a turn is over lie inside
 * - `silenceMs`: from the beginning of a caller who cuts in to the carrier being
 *   told to be silent; the 450 ms before their first word and the 500 ms of voice that make an interruption lie inside
 * - `cores`, `megabytes`: of the agent's process; `callers`: the same of the callers', with
 *   how late their clock was at most (ms): no time is more exact
 * - `load`: of the machine in the minute before
 *
 * `PIPECAT_PYTHON` names a Python that has Pipecat, FastAPI and uvicorn: it is then
 * measured in the same run, with the same callers, Silero, turns and instant providers.
 *
 * Needs `npm run build`. Arguments: calls, comma-separated (1,10,50,100); turns of
 * each call (6).
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { loadavg } from "node:os"
import { env } from "node:process"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { cpuSeconds, kill, megabytes, phase, start } from "./livekit/processes.ts"
import type { Result } from "./telephone/callers.ts"

const sizes = (process.argv[2] ?? "1,10,50,100").split(",").map(Number)
const turns = Number(process.argv[3] ?? 6)

const quantile = (values: ReadonlyArray<number>, q: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? null : Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!)
}

const { PIPECAT_PYTHON: python } = env
const kinds = ["ours", ...(python === undefined ? [] : ["pipecat"])] as const

/** Somebody who answers, and where. */
const answering = async (kind: string): Promise<{ readonly agent: ChildProcess; readonly port: unknown }> => {
  if (kind === "ours") {
    const agent = start("../telephone/agent.ts", {
      NODE_OPTIONS: `${env["NODE_OPTIONS"] ?? ""} --max-semi-space-size=16`,
      BENCH_VAD_RATE: "8000"
    })
    return { agent, port: (await phase(agent, "ready")).result }
  }
  const agent = spawn(python!, [fileURLToPath(new URL("telephone/peer.py", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [line] = await once(createInterface(agent.stdout), "line")
  return { agent, port: JSON.parse(String(line)).port }
}

const measure = async (kind: string, calls: number) => {
  const load = Number(loadavg()[0]!.toFixed(2))
  const { agent, port } = await answering(kind)
  const callers = start("../telephone/callers.ts")
  try {
    await phase(callers, "ready")
    await sleep(1000)
    const idle = megabytes(agent.pid!)
    const begun = phase(callers, "begin")
    const ended = phase(callers, "end")
    callers.send({ port, calls, turns })
    await begun
    const from = { cpu: cpuSeconds(agent.pid!), callers: cpuSeconds(callers.pid!), at: performance.now() }
    const { result } = await ended
    const seconds = (performance.now() - from.at) / 1000
    const cores = (cpuSeconds(agent.pid!) - from.cpu) / seconds
    const { lateMs, missed, replyMs, silenceMs } = result as Result
    return {
      kind,
      calls,
      load,
      replies: replyMs.length,
      missed,
      replyMs: { p50: quantile(replyMs, 0.5), p90: quantile(replyMs, 0.9) },
      silenceMs: { p50: quantile(silenceMs, 0.5), p90: quantile(silenceMs, 0.9) },
      cores: Number(cores.toFixed(3)),
      coresPerCall: Number((cores / calls).toFixed(4)),
      callers: {
        cores: Number(((cpuSeconds(callers.pid!) - from.callers) / seconds).toFixed(3)),
        lateMs: Math.round(lateMs)
      },
      megabytes: Math.round(megabytes(agent.pid!)),
      megabytesPerCall: Number(((megabytes(agent.pid!) - idle) / calls).toFixed(2))
    }
  } finally {
    await kill(callers)
    await kill(agent)
  }
}

for (const calls of sizes) {
  for (const kind of kinds) process.stdout.write(`${JSON.stringify(await measure(kind, calls))}\n`)
}
