/** Draws the pictures of docs/turn-taking.md from scenarios: `npm run pictures`. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as Testing from "../../src/testing.ts"

const story = "The hotel was built by a captain. From its windows one could see the ships. Every guest is given a bell."

interface Drawing {
  readonly title: string
  readonly from?: number
  readonly to?: number
  readonly script: Testing.Scenario
}

/** The agent tells its story from 2,200 ms on; the caller does something at 7,000. */
const over = (user: ReadonlyArray<Testing.UserAction>, script: Testing.Scenario = {}): Testing.Scenario => ({
  llm: [story, "As you like."],
  tts: [{ duration: 10_000 }, { duration: 1200 }],
  stt: { interims: true, times: true, language: "en" },
  ...script,
  user: [Testing.say(500, 1500, "Tell me about the house."), ...user]
})

const drawings: Readonly<Record<string, Drawing>> = {
  turn: {
    title: "A turn: silence after the last word, then the answer",
    script: { ...over([]), tts: { duration: 4000 } },
    to: 7500
  },
  pause: {
    title: "A pause in a sentence is no end of it",
    script: {
      user: [Testing.say(500, 1500, "I would like, uhm,"), Testing.say(2700, 3600, "a room for two.")],
      stt: { interims: true, times: true, language: "en" },
      llm: ({ text }) => text.includes("room") ? "For which night?" : "Yes?",
      tts: { duration: 1500 }
    }
  },
  cutin: {
    title: "A cut-in: the agent is silent, and hears the turn",
    script: over([Testing.say(7000, 7500, "Stop!", { intent: "cutIn" })])
  },
  continuer: {
    title: "A sign of listening: the agent goes on",
    script: over([Testing.say(7000, 7400, "mm-hm", { intent: "continuer" })])
  },
  noise: {
    title: "A noise: a pause, and on again when nothing was said",
    script: over([Testing.cough(7000, 7700)])
  },
  answer: {
    title: "A yes to a question is an answer, though it begins before the question has ended",
    script: {
      user: [Testing.say(500, 1500, "Room seven, please."), Testing.say(5300, 5700, "Yes.", { intent: "answer" })],
      stt: { interims: true, times: true, language: "en" },
      llm: ["Room seven is free for two nights, shall I book it?", "It is yours."],
      tts: [{ duration: 3800 }, { duration: 1200 }]
    }
  }
}

/** Each picture by the name of its file. */
export const pictures = Effect.map(
  Effect.forEach(
    Object.entries(drawings),
    ([name, { script, ...options }]) =>
      Effect.map(Testing.scenario(script), (timeline) => [`${name}.svg`, Testing.picture(timeline, options)] as const)
  ),
  Object.fromEntries<string>
)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, picture] of Object.entries(await Effect.runPromise(pictures))) {
    writeFileSync(new URL(name, import.meta.url), picture)
  }
}
