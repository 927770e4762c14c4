/**
 * What a call costs over WebRTC, on a real server, and how soon it is answered.
 *
 * - `replyMs`: from the caller's last loud 10 ms to the first loud 10 ms of the
 *   agent at the caller; the 500 ms after which a turn is over lie inside
 * - `silenceMs`: from the first loud 10 ms of a caller who cuts in to the last of
 *   the agent; the 500 ms of voice that make an interruption lie inside
 * - `joinMs`: from a dispatch to the agent in the room
 * - `cores` and `megabytes` (PSS of the process tree): of the agent's side, without
 *   the server and without the callers, who have a process of their own
 *
 * All of them run with `--max-semi-space-size=16`, as `docs/performance.md` advises:
 * else their memory grows in steps of tens of megabytes.
 *
 * `floor` is rtc-node alone in one process, with the same Silero and the same
 * answer; `ratios` are ours against the floor of the same run. `PEER_DIR` names a
 * folder with `@livekit/agents`, its Silero plugin and `@livekit/rtc-node`, which
 * are then measured, too, with providers and settings like ours. Needs
 * `npm run build` and a LiveKit server (see `test/livekit/support/launch.ts`).
 * Arguments: calls, comma-separated (1,4,8,16); turns of each call (6).
 *
 * `node bench/livekit.ts 1,2,8 6 turns` measures the end of a turn instead: beside the
 * floor `silence`, 500 ms of it with a recogniser that is as slow as a real one, and
 * `detector`, the same with Smart Turn. `aboveIdealMs` is what a reply takes more
 * than the floor would if it waited for no more than the longer of two things that run
 * beside each other: the confident end (200 ms), and the final transcript, asked for at
 * 150 ms.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { launch } from "../test/livekit/support/launch.ts"
import type { Result } from "./livekit/callers.ts"
import { cpuSeconds, kill, killTree, megabytes, phase, start } from "./livekit/processes.ts"

const sizes = (process.argv[2] ?? "1,4,8,16").split(",").map(Number)
const turns = Number(process.argv[3] ?? 6)

const quantile = (values: ReadonlyArray<number>, q: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? null : Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!)
}

const server = await launch()
let runs = 0

const { PEER_DIR } = process.env

type Kind = "floor" | "ours" | "peer" | "silence" | "detector"
const programs: Readonly<Record<Kind, string>> = {
  floor: "floor.ts",
  ours: "agent.ts",
  peer: "peer.mjs",
  silence: "agent.ts",
  detector: "agent.ts"
}
const ends = process.argv[4] === "turns"
const kinds: ReadonlyArray<Kind> = ends
  ? ["floor", "silence", "detector"]
  : ["floor", "ours", ...(PEER_DIR === undefined ? [] : ["peer" as const])]

/** Silence (ms) after which the floor answers, a confident end counts, and a recogniser is asked. */
const [floorMs, confidentMs, askedMs] = [500, 200, 150]

interface Stages {
  readonly finals: ReadonlyArray<number>
  readonly verdicts: ReadonlyArray<number>
}

const measure = async (kind: Kind, calls: number) => {
  const run = ++runs
  const rooms = Array.from({ length: calls }, (_, i) => `bench-${run}-${i}`)
  const { key, secret, url } = server
  const agent = start(programs[kind], {
    NODE_OPTIONS: "--max-semi-space-size=16",
    LIVEKIT_URL: url,
    LIVEKIT_API_KEY: key,
    LIVEKIT_API_SECRET: secret,
    ...(ends && kind !== "floor" ? { BENCH_TURNS: kind } : {})
  })
  const callers = start("callers.ts")
  try {
    const agentReady = phase(agent, "ready")
    if (kind === "floor") agent.send({ url, key, secret, rooms })
    await Promise.all([agentReady, phase(callers, "ready")])
    await sleep(1000)
    const idle = megabytes(agent.pid!)
    const begun = phase(callers, "begin")
    const ended = phase(callers, "end")
    const agentName = kind === "floor" ? undefined : "bench"
    callers.send({ url, key, secret, rooms, turns, agentName, interrupts: kind !== "floor" && !ends })
    await begun
    const from = { cpu: cpuSeconds(agent.pid!), at: performance.now() }
    const { result } = await ended
    const seconds = (performance.now() - from.at) / 1000
    const told = ends && kind !== "floor" ? phase(agent, "stages") : undefined
    if (told !== undefined) agent.send("stages")
    const stages = (await told)?.result as Stages | undefined
    const idealMs = stages?.finals.map((ms) => Math.max(confidentMs, askedMs + ms))
    const { joinMs, missed, replyMs, silenceMs } = result as Result
    return {
      kind,
      calls,
      replies: replyMs.length,
      missed,
      replyMs: { p50: quantile(replyMs, 0.5), p90: quantile(replyMs, 0.9) },
      silenceMs: { p50: quantile(silenceMs, 0.5), p90: quantile(silenceMs, 0.9) },
      joinMs: { p50: quantile(joinMs, 0.5), max: quantile(joinMs, 1) },
      cores: Number(((cpuSeconds(agent.pid!) - from.cpu) / seconds).toFixed(3)),
      megabytes: Math.round(megabytes(agent.pid!)),
      idleMegabytes: Math.round(idle),
      ...(idealMs === undefined ? {} : { idealMs: { p50: quantile(idealMs, 0.5), p90: quantile(idealMs, 0.9) } }),
      ...(stages === undefined || stages.verdicts.length === 0
        ? {}
        : { verdicts: { count: stages.verdicts.length, sure: stages.verdicts.filter((one) => one >= 0.9).length } })
    }
  } finally {
    await kill(callers)
    await killTree(agent)
  }
}

try {
  const measured: Array<Awaited<ReturnType<typeof measure>>> = []
  for (const calls of sizes) {
    for (const kind of kinds) {
      measured.push(await measure(kind, calls))
      process.stderr.write(`${JSON.stringify(measured.at(-1))}\n`)
    }
  }
  const of = (kind: string, calls: number) => measured.find((one) => one.kind === kind && one.calls === calls)!
  if (ends) {
    const above = sizes.map((calls) => {
      const [floor, silence, detector] = [of("floor", calls), of("silence", calls), of("detector", calls)]
      const ideal = (share: "p50" | "p90"): number => floor.replyMs[share]! - floorMs + detector.idealMs![share]!
      return {
        calls,
        cores: {
          silence: Number((silence.cores / floor.cores).toFixed(2)),
          detector: Number((detector.cores / floor.cores).toFixed(2))
        },
        savedMs: {
          p50: silence.replyMs.p50! - detector.replyMs.p50!,
          p90: silence.replyMs.p90! - detector.replyMs.p90!
        },
        aboveIdealMs: { p50: detector.replyMs.p50! - ideal("p50"), p90: detector.replyMs.p90! - ideal("p90") }
      }
    })
    process.stdout.write(`${JSON.stringify({ measured, above }, undefined, 2)}\n`)
    await server.stop()
    process.exit(0)
  }
  const ratios = sizes.map((calls) => {
    const [floor, ours] = [of("floor", calls), of("ours", calls)]
    return {
      calls,
      cores: Number((ours.cores / floor.cores).toFixed(2)),
      extraReplyMs: { p50: ours.replyMs.p50! - floor.replyMs.p50!, p90: ours.replyMs.p90! - floor.replyMs.p90! }
    }
  })
  const [least, most] = [of("ours", Math.min(...sizes)), of("ours", Math.max(...sizes))]
  const megabytesPerCall = sizes.length < 2
    ? null
    : Number(((most.megabytes - least.megabytes) / (most.calls - least.calls)).toFixed(1))
  process.stdout.write(`${JSON.stringify({ measured, ratios, megabytesPerCall }, undefined, 2)}\n`)
} finally {
  await server.stop()
}
