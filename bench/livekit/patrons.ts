/**
 * Callers of the soak, who come and go: so many at a time, each for a few turns,
 * until they are told to stop. They hang up, hang up in the middle of an answer,
 * or their room is deleted.
 */
import { RoomServiceClient } from "livekit-server-sdk"
import { setTimeout as sleep } from "node:timers/promises"
import { type Address, enter } from "./caller.ts"

export interface Task extends Address {
  readonly atOnce: number
  /** Whom to dispatch, in turn; who is no worker is asked for by a message. */
  readonly agents: ReadonlyArray<string>
  readonly alone: string
}

/** Of the calls of one agent. */
export interface Tally {
  calls: number
  replies: number
  /** Calls to which no agent came within ten seconds. */
  alone: number
  /** Questions that were not answered within ten seconds. */
  missed: number
  /** Calls that broke off for another reason. */
  broken: number
}

const patience = 10_000
const tallies = new Map<string, Tally>()
const stopping = new AbortController()

/** `index` counts the calls of each agent. */
const hold = async (task: Task, agent: string, index: number, tally: Tally): Promise<void> => {
  const { key, secret, url } = task
  const name = `soak-${process.pid}-${agent.replaceAll(" ", "-")}-${index}`
  const invite = agent === task.alone
    ? async () => void process.send!({ phase: "invite", result: { room: name, url, key, secret } })
    : undefined
  const caller = await enter(task, name, agent, invite === undefined ? {} : { invite })
  try {
    if (await Promise.race([caller.join(), sleep(patience, undefined, { ref: false })]) === undefined) {
      tally.alone++
      return
    }
    await sleep(1500)
    const turns = 1 + index % 3
    for (let turn = 0; turn < turns && !stopping.signal.aborted; turn++) {
      await caller.ask()
      if (await caller.reply() === undefined) {
        tally.missed++
        return
      }
      tally.replies++
      if (turn === turns - 1 && index % 4 === 1) return
      await caller.quiet()
    }
    if (index % 5 === 2) await new RoomServiceClient(url.replace("ws", "http"), key, secret).deleteRoom(name)
  } finally {
    await caller.leave()
  }
}

process.on("message", (message: Task | "stop") => {
  if (message === "stop") {
    stopping.abort()
    return
  }
  let next = 0
  const slot = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const index = next++
      const agent = message.agents[index % message.agents.length]!
      const tally = tallies.get(agent) ?? { calls: 0, replies: 0, alone: 0, missed: 0, broken: 0 }
      tallies.set(agent, tally)
      try {
        await hold(message, agent, Math.floor(index / message.agents.length), tally)
      } catch (error) {
        tally.broken++
        process.stderr.write(`a call broke off: ${String(error)}\n`)
        await sleep(1000)
      }
      tally.calls++
      process.send!({ phase: "call", result: Object.fromEntries(tallies) })
    }
  }
  void (async () => {
    await Promise.all(Array.from({ length: message.atOnce }, async (_, i) => {
      await sleep(i * 700)
      await slot()
    }))
    process.send!({ phase: "end", result: Object.fromEntries(tallies) })
    process.disconnect()
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
