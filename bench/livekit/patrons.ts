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
  /** Whom to dispatch, in turn. */
  readonly agents: ReadonlyArray<string>
}

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
const tally: Tally = { calls: 0, replies: 0, alone: 0, missed: 0, broken: 0 }
const stopping = new AbortController()

const hold = async (task: Task, index: number): Promise<void> => {
  const { key, secret, url } = task
  const name = `soak-${process.pid}-${index}`
  const caller = await enter(task, name, task.agents[index % task.agents.length])
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
      try {
        await hold(message, index)
      } catch (error) {
        tally.broken++
        process.stderr.write(`a call broke off: ${String(error)}\n`)
        await sleep(1000)
      }
      tally.calls++
      process.send!({ phase: "call", result: { ...tally } })
    }
  }
  void (async () => {
    await Promise.all(Array.from({ length: message.atOnce }, async (_, i) => {
      await sleep(i * 700)
      await slot()
    }))
    process.send!({ phase: "end", result: { ...tally } })
    process.disconnect()
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
