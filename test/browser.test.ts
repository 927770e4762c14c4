/** The page of `dev` without LiveKit's variables, in Chromium with a microphone that plays a file. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Audio } from "effect-voice"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { chromium, type Page } from "playwright-core"

const root = fileURLToPath(new URL("..", import.meta.url))
const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

/** Runs the command that users run, without LiveKit's variables, and waits for the address of its page. */
const dev = async (port = 0) => {
  const { LIVEKIT_API_KEY: _key, LIVEKIT_API_SECRET: _secret, LIVEKIT_URL: _url, ...env } = process.env
  const child = spawn(
    process.execPath,
    `--conditions effect-voice/source src/cli/main.ts dev test/support/browserDesk.ts --playground-port ${port}`
      .split(" "),
    { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] }
  )
  const { promise, reject, resolve } = Promise.withResolvers<string>()
  let log = ""
  const lines = createInterface(child.stdout).on("line", (line) => {
    log += `${line}\n`
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (address !== undefined) resolve(address)
  })
  child.once("exit", (code) => reject(new Error(`effect-voice dev ended with ${code}\n${log}`)))
  return {
    page: await promise,
    log: () => log,
    /** Waits until it has told something. */
    tells: async (text: string) => {
      while (!log.includes(text)) await once(lines, "line")
    },
    stop: async () => {
      const ended = once(child, "exit")
      child.kill("SIGTERM")
      return (await ended)[0] as number | null
    }
  }
}

const launch = (microphone: string) =>
  chromium.launch({
    executablePath: browser!,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-sync",
      "--disable-background-networking",
      "--disable-component-update",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${microphone}%noloop`
    ]
  })

const question = `${root}test/fixtures/weather_question.wav`

const folder = mkdtempSync(`${tmpdir()}/effect-voice-`)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Somebody who asks, and asks again while they are answered. */
const twice = (): string => {
  const file = `${folder}/twice.wav`
  const asked = Result.getOrThrow(Audio.decodeWav(readFileSync(question)))
  writeFileSync(
    file,
    Audio.encodeWav([asked, Audio.silence("4 seconds", asked), asked, Audio.silence("20 seconds", asked)])
  )
  return file
}

const line = (page: Page, who: "agent" | "user", hasText: string) =>
  page.locator(`#transcript li.${who}`, { hasText }).first().waitFor()

const state = (page: Page, hasText: string) => page.locator("#state", { hasText }).waitFor()

/** In the page: another call, which asks by name. */
const asksByName = `(async () => {
  const { join } = await import("/client.js")
  const { promise, resolve } = Promise.withResolvers()
  const call = await join({
    url: location.origin.replace("http", "ws") + "/call",
    microphone: false,
    onAttributes: (attributes) => attributes["lk.agent.state"] === "speaking" && resolve()
  })
  await promise
  const told = (asked) => asked.catch((error) => error.message)
  const answers = [await call.call("wind", "Paris"), await told(call.call("broken")), await told(call.call("nothing"))]
  const late = told(call.call("wind"))
  call.leave()
  return [...answers, await late, await told(call.call("wind"))]
})()`

/** One call in a fresh browser; what the page and the command said comes with a failure. */
const calling = async (
  microphone: string,
  body: (page: Page, command: Awaited<ReturnType<typeof dev>>) => Promise<Awaited<ReturnType<typeof dev>>>
) => {
  let command = await dev()
  const chrome = await launch(microphone)
  try {
    const page = await chrome.newPage({ viewport: { width: 1280, height: 800 } })
    const problems: Array<string> = []
    page.on("pageerror", (error) => problems.push(error.message))
    await page.goto(command.page)
    await page.getByRole("button", { name: "Call" }).click()
    command = await body(page, command)
    assert.deepStrictEqual(problems, [])
  } catch (error) {
    const pages = chrome.contexts().flatMap((context) => context.pages())
    const shown = await Promise.all(pages.map((page) => page.innerText("body")))
    throw new Error([...shown, command.log()].join("\n"), { cause: error })
  } finally {
    await chrome.close()
    assert.strictEqual(await command.stop(), 0, command.log())
  }
}

describe.skipIf(browser === undefined).concurrent(
  "a call from a browser, in Chromium (skipped where it is not installed)",
  () => {
    it(
      "is greeted, understood and answered, typed to, and ended",
      { timeout: 120_000 },
      () =>
        calling(question, async (page, command) => {
          const audible = ["mine", "theirs"].map((id) =>
            page.waitForFunction(`document.getElementById("${id}").value > 0.05`)
          )
          await line(page, "agent", "weather desk")
          await line(page, "user", "What is the weather in Paris?")
          await line(page, "agent", "sunny in Paris")
          // Asked over the greeting's end, and measured all the same.
          await page.locator("#turns td:nth-child(3)", { hasText: /^\d+ ms$/ }).first().waitFor()
          await Promise.all(audible)
          mkdirSync(`${root}out`, { recursive: true })
          await page.screenshot({ path: `${root}out/browser-1280.png` })
          await page.setViewportSize({ width: 390, height: 844 })
          await page.screenshot({ path: `${root}out/browser-390.png`, fullPage: true })
          await page.getByLabel("Message").fill("And tomorrow?")
          await page.getByRole("button", { name: "Send" }).click()
          await page.locator("#transcript li.user", { hasText: "And tomorrow?" }).waitFor()
          // A page of one's own asks what the agent answers by name; who asks too late, or for nothing, is told.
          assert.deepStrictEqual(await page.evaluate(asksByName), [
            "Paris: west",
            "broken: failed",
            "nothing: failed",
            "wind: the call is over",
            "wind: not connected"
          ])
          await page.getByRole("button", { name: "Hang up" }).click()
          await state(page, "not connected")
          // The page is out at once, the command when all is freed.
          await command.tells("the conversation is over")
          assert.include(command.log(), "the conversation is over")
          return command
        })
    )

    it(
      "falls silent where the caller cuts in, and remembers what was heard",
      { timeout: 120_000 },
      () =>
        calling(twice(), async (page, command) => {
          await page.waitForFunction(
            `[...document.querySelectorAll("#transcript li.agent")].some(({ textContent: text }) =>
            text.startsWith("It is sunny") && !text.endsWith("season.")) &&
            document.querySelectorAll("#transcript li.user").length > 1`
          )
          await page.waitForFunction(`document.getElementById("theirs").value === 0`)
          return command
        })
    )

    it(
      "goes on after the page was loaded again in mid-call, and has another call when the server was started again",
      { timeout: 120_000 },
      () =>
        calling(question, async (page, command) => {
          await line(page, "agent", "weather desk")
          await line(page, "agent", "sunny in Paris")
          await page.reload()
          await page.getByRole("button", { name: "Hang up" }).waitFor()
          await page.getByLabel("Message").fill("Are you still there?")
          await page.getByRole("button", { name: "Send" }).click()
          await line(page, "agent", "sunny in Paris")
          assert.strictEqual(command.log().split("the conversation begins").length, 2)
          // The greeting that comes now is another call's.
          assert.strictEqual(await page.locator("#transcript li.agent", { hasText: "weather desk" }).count(), 0)
          assert.strictEqual(await command.stop(), 0)
          await state(page, "connection lost")
          const again = await dev(Number(new URL(command.page).port))
          await line(page, "agent", "weather desk")
          assert.include(again.log(), "the conversation begins")
          return again
        })
    )
  }
)
