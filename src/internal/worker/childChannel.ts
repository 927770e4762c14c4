/**
 * A process of a pool and the messages that go to it and come from it, over a pipe of their own: what
 * the program in it does with Node's channel is no message. Messages to a process that has ended are
 * lost. Its end is reported once, after what it has said last.
 */
import * as Option from "effect/Option"
import { spawn } from "node:child_process"
import { getCompileCacheDir } from "node:module"
import { dirname } from "node:path"
import process from "node:process"
import { Duplex } from "node:stream"
import { fileURLToPath } from "node:url"
import { programFile } from "../packageFiles.ts"
import { listen } from "./intake.ts"
import { channelFd, decodeFromChild, encodeToChild, type FromChild, parsed, type ToChild } from "./ipc.ts"

export interface ChildChannel {
  readonly pid: number | undefined
  readonly send: (message: ToChild) => void
  /** At once, whatever it does. */
  readonly kill: () => void
}

/** What is wrong with what it says. */
export type Nuisance = "too_long" | "unreadable" | "held"

/** What is left in a pipe that others have inherited is not waited for (ms). */
const lastWords = 2000

const program = fileURLToPath(programFile("internal/worker/childProgram"))

/** It finds what it imports compiled where this process does. */
const environment = (): NodeJS.ProcessEnv => {
  const compiled = getCompileCacheDir()
  return compiled === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(compiled) }
}

export const openChannel = (options: {
  /** Of the program: the module to import, the level of the log, whether it is the first, and whether it is traced. */
  readonly arguments: ReadonlyArray<string>
  /** Of Node, beside those of this process. */
  readonly execArgv: ReadonlyArray<string>
  /** Does something after so many milliseconds. */
  readonly later: (ms: number, act: () => void) => void
  readonly onMessage: (message: FromChild) => void
  readonly onNuisance: (what: Nuisance) => void
  readonly onEnd: (reason: string) => void
}): ChildChannel => {
  let isOpen = true
  let isSilent = false
  let reason: string | undefined
  const end = (): void => {
    if (!isOpen || reason === undefined) return
    isOpen = false
    options.onEnd(reason)
  }
  const handle = spawn(process.execPath, [
    ...process.execArgv,
    ...options.execArgv,
    program,
    ...options.arguments
  ], { env: environment(), stdio: ["ignore", "inherit", "inherit", "pipe"] })
  const channel = handle.stdio[channelFd]
  if (channel instanceof Duplex) {
    listen(channel, {
      later: options.later,
      onLine: (line) => {
        const decoded = Option.flatMap(parsed(line), decodeFromChild)
        if (Option.isSome(decoded)) options.onMessage(decoded.value)
        else options.onNuisance("unreadable")
      },
      onTooLong: () => options.onNuisance("too_long"),
      onHeld: () => options.onNuisance("held"),
      onEnd: () => {
        isSilent = true
        end()
      }
    })
  }
  handle.on("exit", (code, signal) => {
    reason = signal ?? `exit code ${code ?? "unknown"}`
    if (isSilent) end()
    else options.later(lastWords, end)
  })
  handle.on("error", () => {
    if (handle.pid !== undefined) return
    reason = "it cannot be started"
    end()
  })
  return {
    pid: handle.pid,
    send: (message) => {
      // Its death is told by the event exit; what was sent is lost with it.
      if (channel instanceof Duplex && channel.writable) {
        channel.write(`${JSON.stringify(encodeToChild(message))}\n`, () => undefined)
      }
    },
    kill: () => {
      if (isOpen) handle.kill("SIGKILL")
    }
  }
}
