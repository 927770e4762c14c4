/** What the model is shown of the conversation when it is asked for a reply. */
import type * as Prompt from "effect/ai/Prompt"
import * as History from "../../History.ts"
import * as Turn from "../../Turn.ts"
import { toPrompt } from "../history/prompt.ts"
import { shortened, type Shortening, shortening } from "../history/shorten.ts"
import { show, whatIsRunning } from "./calls.ts"
import type { Core } from "./core.ts"
import { attachedOf } from "./history.ts"
import { toTell } from "./outstanding.ts"
import type { Speech } from "./speech.ts"
import { stepOf, type Utterance } from "./utterance.ts"

const isSaid = (item: History.Item | undefined): item is History.Message =>
  item?._tag === "Message" && item.role === "assistant"

/** What the agent has said last, after all calls, and what is before it. */
const lastSaid = (
  history: History.History,
  running: ReadonlyArray<History.ToolCall>
): readonly [before: History.History, said: ReadonlyArray<string>] => {
  const called = Math.max(...running.map(({ createdAt }) => createdAt), Number.NEGATIVE_INFINITY)
  const isLast = (item: History.Item | undefined): boolean =>
    (isSaid(item) || item?._tag === "Handoff") && item.createdAt > called
  let end = history.items.length
  while (isLast(history.items[end - 1])) end -= 1
  const last = history.items.slice(end)
  return [{ items: history.items.slice(0, end) }, last.filter(isSaid).map(({ text }) => text)]
}

/** What is said before the reply, and was not heard yet. */
const stillToSay = (core: Core, speech: Speech): ReadonlyArray<string> =>
  Turn.saidBefore(core.conductor.state(), speech.id).flatMap((id) => {
    const other = core.speeches.get(id)
    if (other === undefined) return []
    return [typeof other.text === "string" ? other.text : other.recited?.raw ?? ""]
  })

/** The id of what the user may be about to have said. */
const guessed = "guess"

const known = (core: Core, speech: Speech, before: ReadonlyArray<Utterance>): History.History => {
  const now = core.history.current()
  const withGuess = speech.guess === undefined || speech.authorized.isOpen() ? now : History.insert(
    now,
    History.Message.make({ id: guessed, role: "user", text: speech.guess, createdAt: core.history.stamp() })
  )
  const heard = new Set(withGuess.items.flatMap((item) => item._tag === "Message" ? [item.step?.id] : []))
  return before.filter(({ id, raw }) => raw.trim() !== "" && !heard.has(id)).reduce((history, utterance) => {
    const { attached: { text: metadata }, createdAt, id, raw } = utterance
    const step = stepOf(utterance, false)
    const message = { id, role: "assistant" as const, text: raw.trim(), createdAt, ...attachedOf({ step, metadata }) }
    return History.insert(history, History.Message.make(message))
  }, withGuess)
}

const alreadySaid = (texts: ReadonlyArray<string>): string | undefined => {
  const said = texts.map((text) => text.trim()).filter((text) => text !== "")
  return said.length === 0
    ? undefined
    : `You have just told the user the following. Go on from there, and do not say it again:\n${said.join("\n")}`
}

/** How a prompt that was too long is made so long as `share` of it (0 to 1); `undefined` where nothing of it can go. */
export const shorterPrompt = (
  core: Core,
  speech: Speech,
  before: ReadonlyArray<Utterance>,
  share: number
): Shortening | undefined => {
  const change = shortening(known(core, speech, before), share)
  return change.dropped.size + change.cut.size === 0 ? undefined : change
}

/**
 * The conversation as it was heard, with what this reply has said so far. It never
 * ends with the agent's own words, which a model may take for its own beginning:
 * what was said for the turn before its reply is an instruction to that reply.
 */
export const prompt = (
  core: Core,
  speech: Speech,
  before: ReadonlyArray<Utterance>,
  shorter?: Shortening
): Prompt.Prompt => {
  const whole = known(core, speech, before)
  const all = shorter === undefined ? whole : shortened(whole, shorter)
  const running = show(core)
  const [rest, said] = lastSaid(all, running)
  const answers = speech.turn !== undefined
  const { instructions = "" } = speech.options
  const untold = toTell(core, speech)
  const unasked = !answers && said.length > 0 && instructions === "" && untold === undefined
  const extra = [
    answers ? alreadySaid([...said, ...stillToSay(core, speech)]) : undefined,
    unasked ? "It is your turn to speak." : instructions,
    answers ? core.history.context() : undefined,
    whatIsRunning(core),
    untold
  ].filter((text) => text !== undefined && text !== "").join("\n\n")
  const { items } = answers ? rest : all
  return toPrompt(items, {
    instructions: core.agent.bound().instructions,
    running,
    audio: (id) => id === guessed ? core.turnAudio.sofar() : core.turnAudio.of(id),
    ...(extra === "" ? {} : { extra })
  })
}
