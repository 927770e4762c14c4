/** The desk as a value: what it is told, what it can do, what it does when. */
import { Effect } from "effect"
import { Agent, History, Session } from "effect-voice"
import { Kit } from "./rooms.ts"

const passages = [
  { about: /breakfast/i, passage: "Breakfast is from seven to ten, and included." },
  { about: /park/i, passage: "Parking costs fifteen euros a night." }
]

export const desk = Agent.make({
  name: "desk",
  instructions: "You answer the phone of the Sea View Hotel. Answer in one or two short sentences: " +
    "you are heard, not read. Book only what find_rooms has found.",
  tools: Kit,
  onEnter: Session.Session.use((session) => session.say("Sea View Hotel, how can I help?")),
  onUserTurn: ({ text }) => {
    if (/^(just a moment|hold on)\b/i.test(text)) return Effect.succeed({ reply: false })
    const found = passages.filter(({ about }) => about.test(text))
    return Effect.succeed(found.length === 0 ? undefined : { context: found.map((one) => one.passage).join("\n") })
  },
  onFailure: ({ component, provider }) => Effect.logWarning(`${component} ${provider} has failed`),
  onExit: Session.Session.use((session) =>
    Effect.flatMap(
      session.history,
      (history) => Effect.log(`the call had ${History.messages(history).length} messages`)
    )
  )
})
