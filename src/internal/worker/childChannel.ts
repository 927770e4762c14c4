/**
 * A process of a pool and the messages that go to it and come from it. Messages to a process that
 * has ended are lost. Its end is reported once.
 */
import * as Option from "effect/Option"
import { fork } from "node:child_process"
import process from "node:process"
import { programFile } from "../packageFiles.ts"
import { decodeFromChild, encodeToChild, type FromChild, type ToChild } from "./ipc.ts"

export interface ChildChannel {
  readonly pid: number | undefined
  readonly send: (message: ToChild) => void
  /** At once, whatever it does. */
  readonly kill: () => void
}

const program = programFile("internal/worker/childProgram")

export const openChannel = (options: {
  /** Of the program: the module to import, the level of the log, whether it is the first, and whether it is traced. */
  readonly arguments: ReadonlyArray<string>
  /** Of Node, beside those of this process. */
  readonly execArgv: ReadonlyArray<string>
  readonly onMessage: (message: FromChild) => void
  readonly onEnd: (reason: string) => void
}): ChildChannel => {
  let isOpen = true
  const end = (reason: string): void => {
    if (!isOpen) return
    isOpen = false
    options.onEnd(reason)
  }
  const handle = fork(program, [...options.arguments], {
    execArgv: [...process.execArgv, ...options.execArgv],
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  handle.on("message", (message) => {
    const decoded = decodeFromChild(message)
    if (Option.isSome(decoded)) options.onMessage(decoded.value)
  })
  handle.on("exit", (code, signal) => {
    const reason = signal ?? `exit code ${code ?? "unknown"}`
    // What it has said last comes before the channel is closed.
    if (handle.connected) handle.once("disconnect", () => end(reason))
    else end(reason)
  })
  handle.on("error", () => {
    if (handle.pid === undefined) end("it cannot be started")
  })
  return {
    pid: handle.pid,
    send: (message) => {
      if (!handle.connected) return
      // Its death is told by the event exit; what was sent is lost with it.
      handle.send(encodeToChild(message), () => undefined)
    },
    kill: () => {
      if (isOpen) handle.kill("SIGKILL")
    }
  }
}
