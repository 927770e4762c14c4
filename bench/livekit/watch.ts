/**
 * What only the process itself knows of what it holds. Where `WATCH_DIR` names a
 * folder, a SIGUSR2 makes it collect its garbage and write that down there.
 */
import { EventEmitter } from "node:events"
import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export interface Held {
  /** Megabytes of JavaScript. */
  readonly heap: number
  /** The same with what V8 keeps for more of it. */
  readonly reserved: number
  /** Megabytes of buffers. */
  readonly external: number
  /** Timers, sockets, pipes and the like. */
  readonly handles: number
  /** Of the native engine and of the process. */
  readonly listeners: number
}

const count = (emitter: unknown): number =>
  emitter instanceof EventEmitter
    ? emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
    : 0

export const watch = (): void => {
  const { WATCH_DIR: folder } = process.env
  if (folder === undefined) return
  const file = join(folder, String(process.pid))
  const write = (): void => {
    globalThis.gc?.()
    const { external, heapTotal, heapUsed } = process.memoryUsage()
    const held: Held = {
      heap: heapUsed / 2 ** 20,
      reserved: heapTotal / 2 ** 20,
      external: external / 2 ** 20,
      handles: process.getActiveResourcesInfo().filter((name) => name !== "Immediate").length,
      listeners: count(Reflect.get(globalThis, "_ffiClientInstance")) + count(process)
    }
    // Never half of it.
    writeFileSync(`${file}.new`, JSON.stringify(held))
    renameSync(`${file}.new`, file)
  }
  process.on("SIGUSR2", write)
  write()
}
