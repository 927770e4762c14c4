import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { chromium } from "playwright-core"
import { inject } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const livekit = inject("livekit")

const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

/** Runs the command that users run, and waits for the address of its page. */
const dev = async ({ key, secret, url }: NonNullable<typeof livekit>, agent = "desk") => {
  const child = spawn(
    process.execPath,
    `--import tsx --conditions effect-voice/source src/cli/main.ts dev test/livekit/support/${agent}.ts --playground-port 0`
      .split(" "),
    {
      cwd: root,
      env: { ...process.env, LIVEKIT_URL: url, LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret },
      stdio: ["ignore", "pipe", "inherit"]
    }
  )
  const { promise, reject, resolve } = Promise.withResolvers<string>()
  let log = ""
  createInterface(child.stdout).on("line", (line) => {
    log += `${line}\n`
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (address !== undefined && line.includes("Talk to the agent")) resolve(address)
  })
  child.once("exit", (code) => reject(new Error(`effect-voice dev ended with ${code}\n${log}`)))
  return {
    page: await promise,
    log: () => log,
    stop: async () => {
      const ended = once(child, "exit")
      child.kill("SIGTERM")
      // The first signal waits for the call that the page has left; the second does not.
      await Promise.race([ended, sleep(1000)])
      child.kill("SIGTERM")
      const [code] = await ended
      return code
    }
  }
}

describe.skipIf(livekit === undefined || browser === undefined)(
  "the playground, in Chromium (skipped where it is not installed)",
  () => {
    it("joins, hears the greeting, is understood and answered, and shows it all", { timeout: 120_000 }, async () => {
      const command = await dev(livekit!)
      const chrome = await chromium.launch({
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
          `--use-file-for-fake-audio-capture=${root}test/fixtures/weather_question.wav%noloop`
        ]
      })
      try {
        const page = await chrome.newPage({ viewport: { width: 1100, height: 760 } })
        const problems: Array<string> = []
        page.on("pageerror", (error) => problems.push(error.message))
        page.on("console", (message) => message.type() === "error" && problems.push(message.text()))
        await page.goto(command.page)
        await page.getByRole("button", { name: "Join" }).click()
        // The meters read what is really heard, on both sides.
        const audible = ["mine", "theirs"].map((id) =>
          page.waitForFunction(`document.getElementById("${id}").value > 0.05`)
        )
        await page.locator("#transcript li.agent", { hasText: "weather desk" }).waitFor()
        await page.locator("#transcript li.user", { hasText: "What is the weather in Paris?" }).first().waitFor()
        await page.locator("#transcript li.agent", { hasText: "sunny in Paris" }).first().waitFor()
        await page.locator("#turns tr").first().waitFor()
        assert.match(await page.locator("#turns tr").first().locator("td").nth(1).innerText(), /^\d+ ms$/)
        await Promise.all(audible)
        mkdirSync(`${root}out`, { recursive: true })
        await page.screenshot({ path: `${root}out/playground.png` })

        await page.getByLabel("Message").fill("And tomorrow?")
        await page.getByRole("button", { name: "Send" }).click()
        await page.locator("#transcript li.user", { hasText: "And tomorrow?" }).waitFor()
        await page.getByRole("button", { name: "Leave" }).click()
        await page.locator("#state", { hasText: "not connected" }).waitFor()
        assert.deepStrictEqual(problems, [])
      } catch (error) {
        const pages = chrome.contexts().flatMap((context) => context.pages())
        const shown = await Promise.all(pages.map((page) => page.innerText("body")))
        throw new Error([...shown, command.log()].join("\n"), { cause: error })
      } finally {
        await chrome.close()
        assert.strictEqual(await command.stop(), 0, command.log())
      }
    })

    it("is typed to without a microphone, on a phone, shows tools, and is joined again, also after a hang-up", {
      timeout: 120_000
    }, async () => {
      const command = await dev(livekit!, "clerk")
      const chrome = await chromium.launch({
        executablePath: browser!,
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
      })
      try {
        const page = await chrome.newPage({ viewport: { width: 390, height: 844 }, colorScheme: "dark" })
        const problems: Array<string> = []
        page.on("pageerror", (error) => problems.push(error.message))
        await page.goto(command.page)
        const greeting = page.locator("#transcript li.agent", { hasText: "This is the hotel." })
        // A room that is named stays open for a while after each call.
        await page.getByLabel("Room").fill("lobby")
        for (let call = 1; call <= 2; call++) {
          await page.getByRole("button", { name: "Join" }).click()
          await greeting.waitFor()
          await page.locator("#transcript li.note", { hasText: "No microphone can be used" }).waitFor()
          if (call === 2) break
          await page.getByLabel("Message").fill("Two beds?")
          await page.getByRole("button", { name: "Send" }).click()
          await page.locator("#transcript li.tool", { hasText: "find_room({\"beds\":2}) → \"room 200\"" }).waitFor()
          await page.locator("#transcript li.agent", { hasText: "You have room two hundred." }).waitFor()
          await page.locator(".stages", { hasText: "first token" }).first().waitFor()
          mkdirSync(`${root}out`, { recursive: true })
          await page.screenshot({ path: `${root}out/playground-phone.png` })
          const talk = await page.locator(".talk").boundingBox()
          const aside = await page.locator("aside").boundingBox()
          assert.isBelow(talk?.y ?? 844, aside?.y ?? 0)
          assert.strictEqual(await page.evaluate("document.documentElement.scrollWidth"), 390)
          await page.setViewportSize({ width: 1280, height: 800 })
          await page.screenshot({ path: `${root}out/playground-wide.png` })
          await page.setViewportSize({ width: 390, height: 844 })
          await page.getByRole("button", { name: "Leave" }).click()
          await page.locator("#state", { hasText: "not connected" }).waitFor()
        }
        await page.getByLabel("Message").fill("Goodbye.")
        await page.getByRole("button", { name: "Send" }).click()
        await page.locator("#state", { hasText: /the agent has left|not connected/ }).waitFor()
        await page.getByRole("button", { name: /Call again|Join/ }).click()
        await greeting.waitFor()
        assert.deepStrictEqual(problems, [])
      } catch (error) {
        const pages = chrome.contexts().flatMap((context) => context.pages())
        const shown = await Promise.all(pages.map((page) => page.innerText("body")))
        throw new Error([...shown, command.log()].join("\n"), { cause: error })
      } finally {
        await chrome.close()
        assert.strictEqual(await command.stop(), 0, command.log())
      }
    })
  }
)
