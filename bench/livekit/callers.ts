/**
 * Callers of the benchmark: rtc-node itself, many rooms in one process. They
 * ask, listen, and measure what they hear; every third time they talk into the
 * answer. Told by its parent what to do, it tells what came of it.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { type Address, type Caller, enter, patience } from "./caller.ts"

export interface Job extends Address {
  readonly rooms: ReadonlyArray<string>
  readonly turns: number
  /** Whom to dispatch; nobody where the agent is there already. */
  readonly agentName: string | undefined
  readonly interrupts: boolean
}

export interface Result {
  readonly joinMs: ReadonlyArray<number>
  readonly replyMs: ReadonlyArray<number>
  readonly silenceMs: ReadonlyArray<number>
  readonly missed: number
}

const talk = async (caller: Caller, job: Job, index: number) => {
  const replyMs: Array<number> = []
  const silenceMs: Array<number> = []
  let missed = 0
  await sleep(index * 137 % 1000)
  for (let turn = 0; turn < job.turns; turn++) {
    const { last } = await caller.ask()
    const at = await caller.reply()
    if (at === undefined) {
      missed++
      continue
    }
    replyMs.push(at - last)
    if (job.interrupts && turn % 3 === 1) {
      await sleep(400)
      const { first, last } = await caller.ask()
      const silent = await Promise.race([caller.quiet(), sleep(patience)])
      if (typeof silent === "number" && silent < last) silenceMs.push(silent - first)
      if (await caller.reply() === undefined) missed++
    }
    await caller.quiet()
  }
  return { replyMs, silenceMs, missed }
}

process.once("message", (job: Job) => {
  void (async () => {
    const callers: Array<Caller> = []
    for (const room of job.rooms) callers.push(await enter(job, room, job.agentName))
    const joinMs: Array<number> = []
    for (const caller of callers) {
      const ms = await caller.join()
      if (ms !== undefined) joinMs.push(ms)
    }
    process.send!({ phase: "joined" })
    await sleep(2500)
    process.send!({ phase: "begin" })
    const all = await Promise.all(callers.map((caller, i) => talk(caller, job, i)))
    const result: Result = {
      joinMs,
      replyMs: all.flatMap(({ replyMs }) => replyMs),
      silenceMs: all.flatMap(({ silenceMs }) => silenceMs),
      missed: all.reduce((sum, { missed }) => sum + missed, 0)
    }
    process.send!({ phase: "end", result })
    await Promise.all(callers.map((caller) => caller.leave()))
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
