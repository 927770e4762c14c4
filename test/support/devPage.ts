/**
 * The page of `effect-voice dev` in Chromium, beside the command that users run. Whatever fails in it tells what the
 * page showed and logged, and what the command wrote.
 */
import { assert } from "@effect/vitest"
import { Audio } from "effect-voice"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type BrowserContextOptions, chromium, type Page } from "playwright-core"

const root = fileURLToPath(new URL("../..", import.meta.url))

const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

export const hasBrowser = browser !== undefined

export interface Program {
  /** The module of the agent. */
  readonly agent: string
  /** LiveKit's variables; a server of sockets without them. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** @default 0, which lets the system choose */
  readonly port?: number | undefined
}

/** Runs the command, and waits for the address of its page. */
export const dev = async ({ agent, env = {}, port = 0 }: Program) => {
  const { LIVEKIT_API_KEY: _key, LIVEKIT_API_SECRET: _secret, LIVEKIT_URL: _url, ...others } = process.env
  const child = spawn(
    process.execPath,
    `--conditions effect-voice/source src/cli/main.ts dev ${agent} --playground-port ${port}`.split(" "),
    { cwd: root, env: { ...others, ...env }, stdio: ["ignore", "pipe", "pipe"] }
  )
  let log = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text
    })
  }
  let code: number | null | undefined
  const ended = once(child, "close").then(([of]) => {
    code = of
  })
  /** Waits until it has told something. */
  const tells = async (wanted: RegExp): Promise<RegExpExecArray> => {
    while (true) {
      const found = wanted.exec(log)
      if (found !== null) return found
      if (code !== undefined) throw new Error(`effect-voice dev ended with ${code}, before it told ${wanted}\n${log}`)
      await Promise.race([once(child.stdout, "data"), ended])
    }
  }
  const [page] = await tells(/http:\/\/127\.0\.0\.1:\d+/).catch((error: unknown) => {
    child.kill("SIGKILL")
    throw error
  })
  return {
    page,
    /** All that it has written. */
    log: () => log,
    tells,
    /**
     * The first signal, and how it has ended. A second one has no place here: a command that has nothing left to end
     * may take its time to go, and a signal would then end it as one that hangs.
     */
    stop: async () => {
      child.kill("SIGTERM")
      await ended
      return code
    },
    /** Ends it whatever it does. */
    kill: async () => {
      child.kill("SIGKILL")
      await ended
    }
  }
}

export type Command = Awaited<ReturnType<typeof dev>>

export interface Visit extends Program {
  /**
   * What the microphone says, again and again: a busy machine may be late for what is said once. There is none without
   * it.
   */
  readonly microphone?: ReadonlyArray<Audio.Frame> | undefined
  readonly context?: BrowserContextOptions | undefined
  /** Whether an error in the page's console fails, as one that nobody catches does. @default false */
  readonly console?: boolean | undefined
}

/** Of a whole visit (ms): there is none for a step of it, which takes as long as a busy machine needs. */
const longest = 150_000

/** For a test that makes a visit: longer than it, so that what fails is the visit, which tells where it stood. */
export const timeout = longest + 30_000

const recorded = (file: string, audio: ReadonlyArray<Audio.Frame>): string => {
  writeFileSync(file, Audio.encodeWav(audio))
  return file
}

const launch = (microphone: string | undefined) =>
  chromium.launch({
    executablePath: browser!,
    timeout: longest,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-sync",
      "--disable-background-networking",
      "--disable-component-update",
      "--autoplay-policy=no-user-gesture-required",
      ...(microphone === undefined ? [] : [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        `--use-file-for-fake-audio-capture=${microphone}`
      ])
    ]
  })

/**
 * Opens the page in a browser of its own. The body may start the command again (`again`); the one that runs at the end
 * must end by its first signal, with 0.
 */
export const visit = async (
  options: Visit,
  body: (page: Page, command: Command, again: (port: number) => Promise<Command>) => Promise<void>
): Promise<void> => {
  const commands: Array<Command> = []
  const told: Array<string> = []
  const problems: Array<string> = []
  const start = async (port: number): Promise<Command> => {
    const command = await dev({ ...options, port })
    commands.push(command)
    return command
  }
  const folder = mkdtempSync(join(tmpdir(), "effect-voice-"))
  const chrome = await launch(options.microphone && recorded(join(folder, "microphone.wav"), options.microphone))
  const steps = async (): Promise<void> => {
    const page = await chrome.newPage(options.context)
    page.setDefaultTimeout(0)
    page.on("pageerror", (error) => void problems.push(error.message))
    page.on("console", (message) => {
      told.push(`${message.type()}: ${message.text()}`)
      if (options.console === true && message.type() === "error") problems.push(message.text())
    })
    const command = await start(options.port ?? 0)
    await page.goto(command.page)
    await body(page, command, start)
    assert.deepStrictEqual(problems, [])
    // Whoever is still in a call is gone with it.
    await chrome.close()
    assert.strictEqual(await commands.at(-1)!.stop(), 0)
  }
  const shown = (): Promise<ReadonlyArray<string>> =>
    Promise.all(
      chrome.contexts().flatMap((context) => context.pages()).map((page) =>
        page.innerText("body", { timeout: 5000 }).catch((error: unknown) => `the page shows nothing: ${error}`)
      )
    )
  const over = new AbortController()
  try {
    await Promise.race([
      steps(),
      sleep(longest, undefined, { signal: over.signal }).then(() => {
        throw new Error(`the visit takes longer than ${longest} ms`)
      })
    ])
  } catch (error) {
    const trace = [
      "The page shows:",
      ...await shown(),
      "The page has logged:",
      ...told,
      ...problems,
      "The command has told:",
      ...commands.map((command) => command.log())
    ]
    throw new Error([String(error), ...trace].join("\n"), { cause: error })
  } finally {
    over.abort()
    await chrome.close()
    await Promise.all(commands.map((command) => command.kill()))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Waits until one of the page's meters shows a voice. */
export const isAudible = (page: Page, meter: "mine" | "theirs") =>
  // As often as the page itself looks: it may draw seldom.
  page.waitForFunction(`document.getElementById("${meter}").value > 0.05`, undefined, { polling: 20 })
