/** A caller who speaks over the agent. */
import * as Testing from "effect-voice/testing"

export type Script = Omit<Testing.Scenario<never, never>, "user" | "tts">

/** The agent says a text from 200 to 10,200; then each reply takes 1.5 s. */
export const over = (text: string, user: ReadonlyArray<Testing.UserAction>, script: Script = {}) =>
  Testing.scenario({
    at: [{ at: 0, do: (session) => session.say(text) }],
    llm: ["Fine.", "Good.", "Right."],
    ...script,
    tts: [{ duration: 10_000 }, { duration: 1500 }, { duration: 1500 }, { duration: 1500 }],
    user
  })
