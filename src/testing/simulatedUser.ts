/** A user whom a model plays: it hears the agent, and says what it likes. */
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Event from "../Event.ts"
import { wordsOf } from "../internal/llm/words.ts"
import { repair } from "../internal/tools/params.ts"
import * as Llm from "../Llm.ts"
import * as Text from "../Text.ts"
import type { UserAction } from "./actions.ts"
import type { Person } from "./caller.ts"
import { type Hearing, millis } from "./marks.ts"
import { layerRealLlm } from "./realLlm.ts"
import { sleepUntil } from "./timedStream.ts"

/**
 * A user whom a model plays in a scenario (`simulatedUser`).
 *
 * **Details**
 *
 * They get the agent's words as they are heard, and know nothing else: no
 * instructions of the agent, no tools. They speak, press keys, stay silent, or
 * hang up. Time stands still while their model answers; a character takes 60 ms
 * to say. Each of their turns is a request to their model.
 *
 * **Example** (A guest who wants another day)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import * as OpenAiLlm from "effect-voice/Layers/OpenAiLlm"
 * import * as Testing from "effect-voice/testing"
 *
 * const program = Testing.scenario({
 *   agent: Agent.make({ instructions: "You answer the phone of a small hotel." }),
 *   layer: Testing.layerRealLlm(OpenAiLlm.layerConfig()),
 *   simulatedUser: {
 *     instructions: "You are Ana. You want to move your booking from Monday to Friday, and are in a hurry.",
 *     model: OpenAiLlm.layerConfig()
 *   }
 * })
 * ```
 *
 * @see `judge` for what became of it
 * @category options
 * @since 0.1.0
 */
export interface SimulatedUser {
  /** Who they are, what they want, and when they hang up. */
  readonly instructions: string
  /** Their own model. It should call tools: without `hang_up` they talk on up to `maxTurns`. */
  readonly model: Layer.Layer<Llm.Llm, unknown>
  /** Utterances and keys, after which they hang up. 1 or more. @default 20 */
  readonly maxTurns?: number | undefined
  /** How long the agent must have been silent before they speak. @default 700 */
  readonly pause?: Duration.Input | undefined
  /** Silence after which they speak, or are silent once more; at the third in a row they hang up. @default "10 seconds" */
  readonly patience?: Duration.Input | undefined
  /** How long they wait at the beginning for a greeting. @default "2 seconds" */
  readonly opens?: Duration.Input | undefined
  /** Share of the agent's speeches that they interrupt, 0 to 1: 1.5 to 4 s after its beginning. @default 0 */
  readonly interrupts?: number | undefined
  /** How they are heard, such as their language. @default as in the scenario */
  readonly hearing?: Pick<Hearing, "language" | "confidence" | "finalDelay"> | undefined
}

/**
 * What a simulated user makes of the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Simulation {
  /** How often they spoke or pressed keys. */
  readonly turns: number
  /**
   * - `hungUp`: they did
   * - `agent`: the conversation ended without them
   * - `turns`: `maxTurns` were over, and they hung up
   * - `silence`: nobody said anything three times in a row, and they hung up
   * - `failed`: their model did; `Timeline.failures` has the reason
   * - `scenario`: it ended first, for its `until` or its `patience`
   */
  readonly end: "hungUp" | "agent" | "turns" | "silence" | "failed" | "scenario"
  /** Whether they got what they wanted, by themselves. @default not told */
  readonly achieved?: boolean | undefined
  /** Why they hung up, in a sentence of theirs. @default not told */
  readonly reason?: string | undefined
}

const hangUp = Tool.make("hang_up", {
  description: "Ends the call, after what you say with it",
  parameters: Schema.Struct({
    achieved: Schema.Boolean.annotate({ description: "Whether you got what you wanted" }),
    reason: Schema.String.annotate({ description: "Why you hang up, in one sentence" })
  })
})

const pressKeys = Tool.make("press_keys", {
  description: "Presses keys of your telephone, after what you say with it",
  parameters: Schema.Struct({ keys: Schema.String.annotate({ description: "Such as 1, or 1234#" }) })
})

const rules =
  "You play a person who talks with a voice agent on the telephone. Stay that person: you want something of " +
  "the agent, and you help nobody. Say only what they would say now, as people speak: one or two short sentences, no " +
  "lists, no names of speakers, no stage directions. Say nothing to wait. Text in [brackets] is a note about the line. " +
  "When you are done, or it makes no sense to go on, call `hang_up`."

/** At most this many characters of one utterance (24 s): a model that lost its way would talk for minutes. */
const longest = 400

const maxSilences = 3

/** How soon they look again (ms) at what begins, and ends, without them. */
const lookAgain = 100

interface Line {
  readonly who: "agent" | "user"
  readonly speech?: string | undefined
  text: string
}

/** What the events tell somebody who listens. */
class Ear {
  readonly lines: Array<Line> = []
  readonly #events: ReadonlyArray<Event.Event>
  #read = 0
  #state: Event.AgentState = "initializing"
  readonly #calls = new Set<string>()
  /** What sounds now. */
  speech: { readonly id: string; readonly startedAt: number; text: string } | undefined
  /** When something was last to be heard (ms). */
  silentSince: number
  /** Whether the agent has said something since they spoke. */
  answered = false

  constructor(events: ReadonlyArray<Event.Event>, now: number) {
    this.#events = events
    this.silentSince = now
  }

  get atWork(): boolean {
    return this.speech !== undefined || this.#state === "speaking" || this.#state === "thinking" || this.#calls.size > 0
  }

  listen(): void {
    for (; this.#read < this.#events.length; this.#read++) this.#hear(this.#events[this.#read]!)
  }

  say(text: string, until: number): void {
    if (this.speech !== undefined) this.#keep(this.speech.id, this.speech.text)
    this.lines.push({ who: "user", text })
    this.silentSince = until
    this.answered = false
  }

  #keep(speech: string, text: string): void {
    const line = this.lines.find((one) => one.speech === speech)
    if (line !== undefined) line.text = text
    else if (text.trim() !== "") this.lines.push({ who: "agent", speech, text })
  }

  #hear(event: Event.Event): void {
    switch (event._tag) {
      case "AgentStateChanged":
        this.#state = event.to
        return
      case "FunctionCallStarted":
        this.#calls.add(event.id)
        return
      case "FunctionCallsFinished":
        for (const { id } of event.calls) this.#calls.delete(id)
        return
      case "AgentStartedSpeaking":
        this.speech = { id: event.speech, startedAt: event.at, text: "" }
        this.answered = true
        return
      case "AgentTranscript":
        if (this.speech?.id === event.speech) this.speech.text += event.text
        return
      case "AgentStoppedSpeaking":
        if (this.speech?.id === event.speech) this.#silent(event.at)
        return
      case "AgentSpeechCommitted":
        this.#keep(event.speech, event.text)
        return
    }
  }

  #silent(at: number): void {
    this.speech = undefined
    this.silentSince = Math.max(this.silentSince, at)
  }
}

type Occasion = "free" | "silence" | "cutIn"

const note: Readonly<Record<Occasion, string>> = {
  free: "",
  silence: "[Nobody says anything.]",
  cutIn: "[The agent is still speaking. You interrupt it now.]"
}

/** The conversation as the user knows it: what the agent says is said to them. */
const promptOf = (instructions: string, ear: Ear, occasion: Occasion): Prompt.Prompt => {
  const sounding = occasion === "cutIn" && ear.speech !== undefined ? `${ear.speech.text}— ` : ""
  const lines = [
    { who: "agent", text: "[The line is open.]" },
    ...ear.lines,
    { who: "agent", text: `${sounding}${note[occasion]}` }
  ]
  const messages: Array<{ role: "user" | "assistant"; content: string }> = []
  for (const { text, who } of lines) {
    if (text.trim() === "") continue
    const role = who === "agent" ? "user" : "assistant"
    const last = messages.at(-1)
    if (last?.role === role) last.content += `\n${text}`
    else messages.push({ role, content: text })
  }
  return Prompt.make([{ role: "system", content: `${rules}\n\n${instructions}` }, ...messages])
}

interface Answer {
  readonly text: string
  readonly keys: string
  readonly hangsUp: Pick<Simulation, "achieved" | "reason"> | undefined
}

const cut = (text: string): string => {
  if (text.length <= longest) return text
  const head = text.slice(0, longest)
  return head.slice(0, Math.max(head.lastIndexOf(" "), 0)) || head
}

const answerOf = (deltas: ReadonlyArray<Llm.Delta>): Answer => {
  const text = deltas.map(wordsOf).join("")
  const calls = deltas.flatMap((delta) => {
    if (delta._tag !== "ToolCall") return []
    const params = repair(delta.params)
    return [{ name: delta.name, params: params._tag === "Object" ? params.object : {} }]
  })
  const ending = calls.find(({ name }) => name === hangUp.name)?.params
  const { achieved, reason } = ending ?? {}
  return {
    text: cut(
      Text.applyTransforms(text, Text.speechTransforms).replaceAll(/\[[^\]]*\]/g, "").replaceAll(/\s+/g, " ").trim()
    ),
    keys: calls.map(({ name, params }) => name === pressKeys.name ? String(params["keys"] ?? "") : "").join("")
      .replaceAll(/[^\d*#A-Da-d]/g, ""),
    hangsUp: ending && {
      ...(typeof achieved === "boolean" ? { achieved } : {}),
      ...(typeof reason === "string" ? { reason } : {})
    }
  }
}

/** What the model answers, as far as it is said: some talk without an end. */
const ask = (prompt: Prompt.Prompt): Effect.Effect<ReadonlyArray<Llm.Delta>, Llm.LlmError, Llm.Llm> =>
  Effect.suspend(() => {
    let length = 0
    return Llm.reply({ prompt, tools: [hangUp, pressKeys], toolChoice: "auto" }).pipe(
      Stream.takeUntil((delta) => {
        length += wordsOf(delta).length
        return length > longest
      }),
      Stream.runCollect
    )
  })

/** How the conversation was for them; `ended` is whether it did. */
export const simulationOf = ({ end, turns }: Simulated, ended: boolean): Simulation => ({
  turns,
  ...(end ?? { end: ended ? "agent" : "scenario" })
})

/** What a simulated user has done, and how they ended. */
export interface Simulated {
  readonly did: Array<UserAction>
  turns: number
  end: Omit<Simulation, "turns"> | undefined
}

/** Lets a model be the user until they have left. */
export const simulate = (
  user: SimulatedUser,
  caller: Person,
  events: ReadonlyArray<Event.Event>,
  simulated: Simulated
): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const now = Clock.currentTimeMillis
    const { did } = simulated
    while (!(yield* caller.isThere)) yield* Effect.sleep(lookAgain)
    const ear = new Ear(events, yield* now)
    const pause = millis(user.pause ?? 700)
    const patience = millis(user.patience ?? "10 seconds")
    const maxTurns = user.maxTurns ?? 20
    const { hearing, interrupts = 0 } = user

    /** When they interrupt the speech that sounds; nothing is drawn twice for one. */
    const cutIns = new Map<string, number>()
    const cutInAt = Effect.gen(function*() {
      const { speech } = ear
      if (speech === undefined || interrupts === 0) return Infinity
      const known = cutIns.get(speech.id)
      if (known !== undefined) return known
      const at = (yield* Random.next) < interrupts ? speech.startedAt + 1500 + 2500 * (yield* Random.next) : Infinity
      cutIns.set(speech.id, at)
      return at
    })

    let wait = millis(user.opens ?? "2 seconds")
    const occasion: Effect.Effect<Occasion> = Effect.gen(function*() {
      while (true) {
        ear.listen()
        const time = yield* now
        if (time >= (yield* cutInAt)) {
          cutIns.set(ear.speech!.id, Infinity)
          return "cutIn"
        }
        const free = ear.answered && !ear.atWork
        const due = ear.silentSince + (free ? pause : wait)
        if (ear.speech === undefined && time >= due) return free ? "free" : "silence"
        // What begins meanwhile is seen at the next look.
        yield* sleepUntil(ear.speech === undefined ? Math.min(due, time + lookAgain) : time + lookAgain)
      }
    })

    const leave = (end: Omit<Simulation, "turns">): Effect.Effect<void> =>
      Effect.flatMap(now, (at) => {
        simulated.end = end
        did.push({ _tag: "Leave", at })
        return caller.room.leave(caller.identity)
      })

    let silences = 0
    while (true) {
      const reason = yield* occasion
      if (reason === "silence" && simulated.turns > 0) silences++
      else silences = 0
      if (silences >= maxSilences) return yield* leave({ end: "silence" })
      if (simulated.turns >= maxTurns) return yield* leave({ end: "turns" })
      const answer = answerOf(yield* ask(promptOf(user.instructions, ear, reason)))
      wait = patience
      const at = yield* now
      const to = answer.text === "" ? at : at + Math.max(300, answer.text.length * 60)
      if (answer.text !== "" || answer.keys !== "") simulated.turns++
      ear.say(answer.text, to)
      if (answer.text !== "") {
        did.push({ _tag: "Say", at, to, text: answer.text, ...(hearing === undefined ? {} : { hearing }) })
        yield* caller.speaks(at, to, answer.text, hearing)
        yield* sleepUntil(to)
      }
      if (answer.keys !== "") {
        did.push({ _tag: "Press", at: to, digits: answer.keys })
        yield* caller.presses(answer.keys)
      }
      if (answer.hangsUp !== undefined) {
        yield* Effect.sleep(pause)
        return yield* leave({ end: "hungUp", ...answer.hangsUp })
      }
    }
  }).pipe(
    Effect.provide(layerRealLlm(user.model)),
    Effect.tapCause((cause) =>
      Effect.sync(() => {
        if (!Cause.hasInterruptsOnly(cause)) simulated.end ??= { end: "failed" }
      })
    )
  )
