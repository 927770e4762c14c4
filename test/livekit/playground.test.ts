import { assert, describe, it } from "@effect/vitest"
import { Audio } from "effect-voice"
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { inject } from "vitest"
import { recording } from "../fixtures/speech.ts"
import { hasBrowser, isAudible, timeout, visit } from "../support/devPage.ts"

const livekit = inject("livekit")
const root = fileURLToPath(new URL("../..", import.meta.url))
const question = recording("weather_question.wav")

const playground = (agent: string) => {
  const { key, secret, url } = livekit!
  return {
    agent: `test/livekit/support/${agent}.ts`,
    env: { LIVEKIT_URL: url, LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret }
  }
}

describe.skipIf(livekit === undefined || !hasBrowser)(
  "the playground, in Chromium (skipped where it is not installed)",
  () => {
    it("joins, hears the greeting, is understood and answered, and shows it all", { timeout }, () =>
      visit({
        ...playground("desk"),
        microphone: [question, Audio.silence("15 seconds", question)],
        context: { viewport: { width: 1100, height: 760 } },
        console: true
      }, async (page, command) => {
        await page.getByRole("button", { name: "Join" }).click()
        const line = (who: "agent" | "user", hasText: string) =>
          page.locator(`#transcript li.${who}`, { hasText }).first().waitFor()
        await Promise.all([
          // The meters read what is really heard, on both sides.
          isAudible(page, "mine"),
          isAudible(page, "theirs"),
          line("agent", "weather desk"),
          line("user", "What is the weather in Paris?"),
          line("agent", "sunny in Paris")
        ])
        await page.locator("#turns tr").first().waitFor()
        assert.match(await page.locator("#turns tr").first().locator("td").nth(1).innerText(), /^\d+ ms$/)
        mkdirSync(`${root}out`, { recursive: true })
        await page.screenshot({ path: `${root}out/playground.png` })

        await page.getByLabel("Message").fill("And tomorrow?")
        await page.getByRole("button", { name: "Send" }).click()
        await page.locator("#transcript li.user", { hasText: "And tomorrow?" }).waitFor()
        await page.getByRole("button", { name: "Leave" }).click()
        await page.locator("#state", { hasText: "not connected" }).waitFor()
        await command.tells(/the job is over/)
      }))

    it("is typed to without a microphone, on a phone, shows tools, and is joined again, also after a hang-up", {
      timeout
    }, () =>
      visit({
        ...playground("clerk"),
        context: { viewport: { width: 390, height: 844 }, colorScheme: "dark" }
      }, async (page, command) => {
        const greeting = page.locator("#transcript li.agent", { hasText: "This is the hotel." })
        const leaves = async () => {
          await page.getByRole("button", { name: "Leave" }).click()
          await page.locator("#state", { hasText: "not connected" }).waitFor()
        }
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
          await leaves()
        }
        await page.getByLabel("Message").fill("Goodbye.")
        await page.getByRole("button", { name: "Send" }).click()
        await page.locator("#state", { hasText: /the agent has left|not connected/ }).waitFor()
        // What the call before has left is gone with the click: its greeting is not the next one's.
        await page.getByRole("button", { name: /Call again|Join/ }).waitFor()
        const before =
          "document.getElementById('join').requestSubmit(), document.querySelectorAll('#transcript li').length"
        assert.strictEqual(await page.evaluate(`(${before})`), 0)
        await greeting.waitFor()
        await leaves()
        await command.tells(/(?:the job is over[^]*){3}/)
      }))
  }
)
