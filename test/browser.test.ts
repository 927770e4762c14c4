/** The page of `dev` without LiveKit's variables, in Chromium with a microphone. */
import { assert, describe, it } from "@effect/vitest"
import type { Duration } from "effect"
import { Audio } from "effect-voice"
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { recording } from "./fixtures/speech.ts"
import { type Command, hasBrowser, isAudible, timeout, visit } from "./support/devPage.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const question = recording("weather_question.wav")

const line = (page: Page, who: "agent" | "user", hasText: string) =>
  page.locator(`#transcript li.${who}`, { hasText }).first().waitFor()

const state = (page: Page, hasText: string) => page.locator("#state", { hasText }).waitFor()

/** In the page: another call, which asks by name, though the browser keeps its loudspeaker until the page is touched. */
const asksByName = `(async () => {
  AudioContext.prototype.resume = () => new Promise(() => {})
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

/** One call; the caller asks, and asks again after a silence. */
const calling = (
  silence: Duration.Input,
  body: (page: Page, command: Command, again: (port: number) => Promise<Command>) => Promise<void>
) =>
  visit(
    {
      agent: "test/support/browserDesk.ts",
      microphone: [question, Audio.silence(silence, question)],
      context: { viewport: { width: 1280, height: 800 } }
    },
    async (page, command, again) => {
      await page.getByRole("button", { name: "Call" }).click()
      await body(page, command, again)
    }
  )

describe.skipIf(!hasBrowser).concurrent(
  "a call from a browser, in Chromium (skipped where it is not installed)",
  () => {
    it(
      "is greeted, understood and answered, typed to, and ended",
      { timeout },
      () =>
        calling("15 seconds", async (page, command) => {
          await Promise.all([
            isAudible(page, "mine"),
            isAudible(page, "theirs"),
            line(page, "agent", "weather desk"),
            line(page, "user", "What is the weather in Paris?"),
            line(page, "agent", "sunny in Paris")
          ])
          // Asked over the greeting's end, and measured all the same.
          await page.locator("#turns td:nth-child(3)", { hasText: /^\d+ ms$/ }).first().waitFor()
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
          await command.tells(/the conversation is over/)
        })
    )

    it(
      "falls silent where the caller cuts in, and remembers what was heard",
      { timeout },
      () =>
        // The answer takes longer than the silence.
        calling("6 seconds", async (page) => {
          await page.waitForFunction(
            `[...document.querySelectorAll("#transcript li.agent")].some(({ textContent: text }) =>
            text.startsWith("It is sunny") && !text.endsWith("season.")) &&
            document.querySelectorAll("#transcript li.user").length > 1`
          )
          await page.waitForFunction(`document.getElementById("theirs").value === 0`)
        })
    )

    it(
      "goes on after the page was loaded again in mid-call, and has another call when the server was started again",
      { timeout },
      () =>
        calling("15 seconds", async (page, command, again) => {
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
          const next = await again(Number(new URL(command.page).port))
          await line(page, "agent", "weather desk")
          assert.include(next.log(), "the conversation begins")
        })
    )
  }
)
