/**
 * Local programs, each run once for one piece of work. The program and all that
 * it starts are one process group, which is gone when the effect ends, however
 * it ends.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type ChildProcess, spawn } from "node:child_process"
import * as Failure from "../../Failure.ts"
import { codeOf } from "../thrown.ts"

/** What to run. */
export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Given on the standard input, which is closed after it. @default nothing */
  readonly stdin?: Uint8Array | undefined
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly cwd?: string | undefined
  /** What becomes of its messages: they may hold what was said, so no error tells them. @default "ignore" */
  readonly stderr?: "ignore" | "inherit" | undefined
  /** Time in ms after which it is killed. */
  readonly timeoutMs: number
  /** Most bytes of standard output. */
  readonly maxOutput: number
}

const hasGroups = process.platform !== "win32"

/** Programs that run now: they must not outlive a process that exits in the middle of a call. */
const running = new Set<ChildProcess>()

let watching = false

const killAtExit = (): void => {
  if (watching) return
  watching = true
  process.once("exit", () => {
    for (const child of running) kill(child)
  })
}

/** Kills the whole group; what is gone already is gone. */
const kill = (child: ChildProcess): void => {
  if (child.pid === undefined) return
  try {
    if (hasGroups) process.kill(-child.pid, "SIGKILL")
    else child.kill("SIGKILL")
  } catch {
    // No such process: that is what was wanted.
  }
}

const environment = (added: Command["env"]): NodeJS.ProcessEnv | undefined =>
  added === undefined ? undefined : {
    // The program is to find its files as it would for the user.
    ...process.env,
    ...Object.fromEntries(
      Object.entries(added).map(([name, value]) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
    )
  }

const unstartable = (program: string, cause: unknown): Failure.Reason => {
  const code = codeOf(cause)
  switch (code) {
    case "ENOENT":
      return new Failure.InvalidRequest({
        detail: `program: "${program}" was not found; install it, or give its whole path (cwd, if given, must exist)`
      })
    case "EACCES":
    case "EPERM":
      return new Failure.InvalidRequest({ detail: `program: "${program}" may not be run by this user` })
    case "E2BIG":
      return new Failure.InvalidRequest({ detail: "args: they are too long; give the text on standard input" })
    case "ERR_INVALID_ARG_VALUE":
    case "ERR_INVALID_ARG_TYPE":
      return new Failure.InvalidRequest({ detail: "args: they must be strings without the character U+0000" })
    default:
      return new Failure.Broken({
        detail: `the program could not be started${code === undefined ? "" : ` (${code})`}`
      })
  }
}

const broken = (detail: string) => new Failure.Broken({ detail })

const judge = (code: number | null, signal: NodeJS.Signals | null, unread: boolean): Failure.Reason | undefined => {
  if (signal !== null) return broken(`the program was ended by ${signal}`)
  if (code !== 0) return broken(`the program ended with exit code ${code}`)
  return unread ? broken("the program ended before it had read its input") : undefined
}

/** What the program writes on its standard output; an exit code other than 0 is a failure. */
export const run = (command: Command): Effect.Effect<Uint8Array, Failure.Reason> =>
  Effect.callback((resume) => {
    const { args, maxOutput, program, stdin, timeoutMs } = command
    let child: ChildProcess
    try {
      child = spawn(program, args, {
        cwd: command.cwd,
        env: environment(command.env),
        detached: hasGroups,
        windowsHide: true,
        stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", command.stderr ?? "ignore"]
      })
    } catch (cause) {
      return resume(Effect.fail(unstartable(program, cause)))
    }
    running.add(child)
    killAtExit()
    const pieces: Array<Uint8Array> = []
    let size = 0
    let unread = stdin !== undefined
    let failure: Failure.Reason | undefined
    // A program lives in real time, whatever Clock the conversation has.
    const deadline = AbortSignal.timeout(timeoutMs)
    const stop = (reason: Failure.Reason): void => {
      failure ??= reason
      kill(child)
      // One that left the group may hold the other end.
      child.stdin?.destroy()
      child.stdout?.destroy()
    }
    const tooLate = () => stop(new Failure.TimedOut({ afterMs: timeoutMs }))
    deadline.addEventListener("abort", tooLate)
    let over = false
    const settle = (): void => {
      over = true
      running.delete(child)
      deadline.removeEventListener("abort", tooLate)
    }
    child.stdout?.on("data", (piece: Buffer) => {
      size += piece.length
      if (size <= maxOutput) pieces.push(piece)
      else stop(new Failure.InvalidResponse({ detail: `the program wrote more than ${maxOutput} bytes` }))
    })
    child.stdout?.on("error", () => {})
    // A broken pipe: the exit says why.
    child.stdin?.on("error", () => {})
    child.stdin?.on("finish", () => {
      unread = false
    })
    child.stdin?.end(stdin)
    child.on("exit", () => kill(child))
    child.on("error", (cause) => {
      if (child.pid !== undefined) return
      settle()
      resume(Effect.fail(unstartable(program, cause)))
    })
    child.on("close", (code, signal) => {
      settle()
      const reason = failure ?? judge(code, signal, unread)
      resume(reason === undefined ? Effect.succeed(Buffer.concat(pieces)) : Effect.fail(reason))
    })
    return Effect.callback<void>((gone) => {
      if (over) return gone(Effect.void)
      child.once("close", () => gone(Effect.void))
      stop(broken("interrupted"))
    })
  })

/** Whether there is such a program: asked when the layer is built, not in the middle of the first call. */
export const find = (command: Pick<Command, "program" | "env" | "cwd">): Effect.Effect<void, Failure.Reason> =>
  hasGroups
    ? run({
      ...command,
      program: "/bin/sh",
      args: ["-c", `command -v -- "$1"`, "sh", command.program],
      timeoutMs: 10_000,
      maxOutput: 65_536
    }).pipe(
      Effect.mapError((reason) =>
        reason._tag === "Broken" || reason._tag === "InvalidRequest"
          ? unstartable(command.program, { code: "ENOENT" })
          : reason
      ),
      Effect.asVoid
    )
    : Effect.void
