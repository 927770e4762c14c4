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
  /** Kinds of requests that the native engine has got. */
  readonly requests: ReadonlyArray<string>
}

const count = (emitter: unknown): number =>
  emitter instanceof EventEmitter
    ? emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
    : 0

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null

/** Tells of each kind of request that the engine gets, whenever it is started. */
const follow = (onKind: (kind: string) => void): void => {
  let client: unknown
  Object.defineProperty(globalThis, "_ffiClientInstance", {
    configurable: true,
    get: () => client,
    set: (next: unknown) => {
      client = next
      const request = isRecord(next) ? next["request"] : undefined
      if (!isRecord(next) || typeof request !== "function") return
      next["request"] = (asked: { readonly message: { readonly case: string } }): unknown => {
        onKind(asked.message.case)
        return request.call(next, asked) as unknown
      }
    }
  })
}

export const watch = (): void => {
  const { WATCH_DIR: folder } = process.env
  if (folder === undefined) return
  const file = join(folder, String(process.pid))
  const requests = new Set<string>()
  follow((kind) => requests.add(kind))
  const write = (): void => {
    globalThis.gc?.()
    const { external, heapTotal, heapUsed } = process.memoryUsage()
    const held: Held = {
      heap: heapUsed / 2 ** 20,
      reserved: heapTotal / 2 ** 20,
      external: external / 2 ** 20,
      handles: process.getActiveResourcesInfo().filter((name) => name !== "Immediate").length,
      listeners: count(Reflect.get(globalThis, "_ffiClientInstance")) + count(process),
      requests: [...requests].sort()
    }
    // Never half of it.
    writeFileSync(`${file}.new`, JSON.stringify(held))
    renameSync(`${file}.new`, file)
  }
  process.on("SIGUSR2", write)
  write()
}
