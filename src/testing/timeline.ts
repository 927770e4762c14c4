/** What happened in a scenario, and what can be said of it. */
import * as Data from "effect/Data"
import type * as Event from "../Event.ts"
import type * as History from "../History.ts"
import { type Definition, read } from "../internal/callState.ts"
import type { UserAction } from "./actions.ts"
import type { Transferred } from "./caller.ts"
import type { LlmCall } from "./llm.ts"
import type { Simulation } from "./simulatedUser.ts"
import type { SttCall } from "./stt.ts"
import type { TtsCall } from "./tts.ts"

/**
 * A stretch of time in which a speech had the floor. Times are Clock times
 * (ms); a pause that was resumed lies inside, one that became an interruption
 * is its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Playback {
  readonly speech: string
  readonly start: number
  /** `undefined` where the scenario ended before the speech did. */
  readonly end: number | undefined
  readonly playedMs: number
  readonly interrupted: boolean
}

/**
 * A line of the log.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogLine {
  readonly at: number
  readonly level: string
  readonly text: string
  /** What else the line says, as the provider, the reason and `why` of a failure. @default none */
  readonly annotations?: Readonly<Record<string, unknown>> | undefined
  /** What is told of a failure, with its place. @default none */
  readonly cause?: string | undefined
}

/**
 * What is expected of an event: its tag, its time, and some of its fields.
 *
 * @category models
 * @since 0.1.0
 */
export type Expectation = {
  [Tag in Event.Event["_tag"]]:
    | readonly [tag: Tag, at: number]
    | readonly [tag: Tag, at: number, fields: Partial<Event.Of<Tag>>]
}[Event.Event["_tag"]]

/**
 * What a scenario leaves behind.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly events: ReadonlyArray<Event.Event>
  readonly history: History.History
  /** What the model was asked, and what became of it. */
  readonly requests: ReadonlyArray<LlmCall>
  /** What the synthesiser was asked to say. */
  readonly speeches: ReadonlyArray<TtsCall>
  /** The recogniser's connections. */
  readonly connections: ReadonlyArray<SttCall>
  /** Where the room was asked to transfer a call to, and whether it did. */
  readonly transfers: ReadonlyArray<Transferred>
  readonly logs: ReadonlyArray<LogLine>
  /** What the effects of `at` have failed with. */
  readonly failures: ReadonlyArray<{ readonly at: number; readonly cause: string }>
  /** What the scenario itself warns of: a script that was used up, time that did not wait any longer for a plain function. */
  readonly testWarnings: ReadonlyArray<string>
  /** When audio of the agent was heard, whatever the events say: Clock times (ms), joined where one follows the other. */
  readonly audible: ReadonlyArray<{ readonly from: number; readonly to: number }>
  /** What the users were scripted to do, and what a simulated one did. */
  readonly user: ReadonlyArray<UserAction>
  /** How the conversation was for a `simulatedUser`. @default without one */
  readonly simulation?: Simulation | undefined
  /** When the program did something: Clock times (ms). */
  readonly steps: ReadonlyArray<number>
  /** Silence (ms) after which a turn is over in any case. */
  readonly maxDelay: number
  /** A text as this agent speaks it: without Markdown, emoji and the like. */
  readonly spoken: (text: string) => ReadonlyArray<string>
  /** Whether nothing happened any more when the scenario ended, or it ended at the time that it names (`until`). */
  readonly quiet: boolean
  /** What the session has left open when it had been closed; `""` is nothing. */
  readonly left: string
  /** Clock time (ms) at which the scenario closed the session, if the session was still there. */
  readonly stoppedAt: number | undefined
  /** Clock time (ms) at the end of everything. */
  readonly endedAt: number
}

/** The conversation goes on without a hook that has failed, and so would its test. */
const failedHooks = (logs: ReadonlyArray<LogLine>): ReadonlyArray<string> =>
  logs.flatMap(({ annotations, at, cause = "", level }) =>
    level === "Error" && typeof annotations?.["hook"] === "string"
      ? [`${annotations["hook"]} has failed at ${at}: ${cause.split("\n", 1)[0]}`]
      : []
  )

/**
 * The course of a conversation. Times are milliseconds of the scenario's Clock,
 * which begins at 0.
 *
 * **Details**
 *
 * - `expect` wants these events in the order of their times, others between
 *   them; it throws an error with the whole course. `exactly` wants all events of the tags
 *   that it names. `at` gives the events of one moment.
 * - `states` and `userStates` are the states with their beginnings, such as
 *   `["thinking", 3000]`.
 * - `callState` is what a `CallState` was at the end, or at a time.
 * - `messages` is the history in short: `user: Hello`, `assistant: Hi, wh—`
 *   (interrupted), `call: name`, `output: name` (`output: name failed`),
 *   `handoff: booking` (the agent that the call was given to), `summary: …`.
 * - `warnings` are those of the conversation, then the hooks that have failed, then those of the
 *   scenario itself.
 * - `print` gives the whole course as a text, with the warnings and errors of the log:
 *   `console.log(timeline.print())`. A scenario shows its log nowhere else. Each event is a line; words of the
 *   agent that follow each other are one, from the first to the last (`until`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Timeline extends Recording {
  readonly of: <Tag extends Event.Event["_tag"]>(tag: Tag) => ReadonlyArray<Event.Of<Tag>>
  readonly at: (ms: number) => ReadonlyArray<Event.Event>
  readonly states: () => ReadonlyArray<readonly [Event.AgentState, number]>
  readonly userStates: () => ReadonlyArray<readonly [Event.UserState, number]>
  readonly playbacks: ReadonlyArray<Playback>
  readonly turns: ReadonlyArray<Event.TurnRecord>
  readonly callState: <A>(state: Definition<A>, at?: number) => A
  readonly messages: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
  readonly expect: (...expected: ReadonlyArray<Expectation>) => void
  readonly exactly: (...expected: ReadonlyArray<Expectation>) => void
  readonly print: () => string
}

/**
 * The course of a conversation was not as expected. `message` holds it all.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unexpected extends Data.TaggedError("Unexpected")<{ readonly message: string }> {}

const plain = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : typeof value === "object" ? JSON.stringify(value) : String(value)

const fieldsOf = (event: object): string =>
  Object.entries(event)
    .filter(([key, value]) => key !== "_tag" && key !== "at" && key !== "participant" && value !== undefined)
    .map(([key, value]) => `${key}=${plain(value)}`)
    .join(" ")

/** Words of the agent, and when the last of them were heard, where several are told as one. */
type Words = Event.Of<"AgentTranscript"> & { readonly until?: number }

interface Line {
  readonly at: number
  readonly line: string
  readonly words?: Words
}

const line = (event: Event.Event | Words): string => `${String(event.at).padStart(8)}  ${event._tag} ${fieldsOf(event)}`

/**
 * The words of a speech come one by one: those that nothing else comes between are one line. An end without a word is
 * told with the last of them.
 */
const joined = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> => {
  const all: Array<Line> = []
  for (const one of lines) {
    const { words } = one
    const last = words?.text === ""
      ? all.findLastIndex((line) => line.words?.speech === words.speech)
      : all.length - 1
    const before = all[last]?.words
    if (words === undefined || before === undefined || words.speech !== before.speech || before.final) {
      all.push(one)
      continue
    }
    const { at, until = at, ...first } = before
    const heard = words.text === "" ? until : words.at
    const text = `${before.text}${words.text}`
    const whole = { ...first, at, text, final: words.final, ...(heard === at ? {} : { until: heard }) }
    all[last] = { at, line: line(whole), words: whole }
  }
  return all
}

const wanted = ([tag, at, fields]: Expectation): string =>
  `${String(at).padStart(8)}  ${tag}${fields === undefined ? "" : ` ${fieldsOf(fields)}`}`

const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) < 1e-6
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length &&
    keys.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
}

const matches = (event: Event.Event, [tag, at, fields]: Expectation): boolean => {
  const given: Readonly<Record<string, unknown>> = { ...event }
  return event._tag === tag && same(event.at, at) &&
    Object.entries(fields ?? {}).every(([key, value]) => same(given[key], value))
}

const message = (item: History.Item): string => {
  switch (item._tag) {
    case "Message":
      return `${item.role}: ${item.text}${item.interrupted ? "—" : ""}`
    case "ToolCall":
      return `call: ${item.name}`
    case "ToolOutput":
      return `output: ${item.name}${item.isFailure ? " failed" : ""}`
    case "Handoff":
      return `handoff: ${item.to}`
    case "Summary":
      return `summary: ${item.text}`
  }
}

const playbacksOf = (events: ReadonlyArray<Event.Event>): ReadonlyArray<Playback> => {
  const playbacks: Array<Playback> = []
  let paused: number | undefined
  for (const event of events) {
    if (event._tag === "AgentPaused") paused = event.at
    if (event._tag === "FalseInterruption") paused = undefined
    if (event._tag === "AgentStartedSpeaking") {
      playbacks.push({ speech: event.speech, start: event.at, end: undefined, playedMs: 0, interrupted: false })
    }
    if (event._tag === "AgentStoppedSpeaking") {
      const open = playbacks.findIndex(({ end, speech }) => end === undefined && speech === event.speech)
      if (open < 0) continue
      const { interrupted, playedMs, speech } = event
      const end = interrupted && paused !== undefined ? paused : event.at
      paused = undefined
      playbacks[open] = { speech, start: playbacks[open]!.start, end, playedMs, interrupted }
    }
  }
  return playbacks
}

export const makeTimeline = (recording: Recording): Timeline => {
  const { events } = recording
  const of: Timeline["of"] = (tag) => events.filter((event): event is Event.Of<typeof tag> => event._tag === tag)
  const serious: ReadonlySet<string> = new Set(["Warn", "Error", "Fatal"])
  const logged = recording.logs.filter(({ level }) => serious.has(level))
    .map(({ annotations = {}, at, cause, level, text }) => {
      const why = cause === undefined ? "" : `: ${cause.split("\n", 1)[0]}`
      const notes = Object.entries(annotations).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join("")
      return { at, line: `${String(at).padStart(8)}  log ${level}: ${text}${why}${notes}` }
    })
  const print = (): string =>
    joined(
      [
        ...events.map((event): Line => ({
          at: event.at,
          line: line(event),
          ...(event._tag === "AgentTranscript" ? { words: event } : {})
        })),
        ...logged
      ].sort((a, b) => a.at - b.at)
    ).map(({ line }) => line).join("\n")
  const fail = (head: string, marked: ReadonlyArray<string>): never => {
    throw new Unexpected({ message: `${head}\n${marked.join("\n")}\n\nwhat happened:\n${print()}` })
  }
  const about = (expected: Expectation): string => {
    const others = events.filter((event) => event._tag === expected[0]).map(line)
    return others.length === 0 ? `there is no ${expected[0]} at all` : `of this kind there were:\n${others.join("\n")}`
  }
  return {
    ...recording,
    of,
    at: (ms) => events.filter((event) => event.at === ms),
    states: () => of("AgentStateChanged").map(({ at, to }) => [to, at]),
    userStates: () => of("UserStateChanged").map(({ at, to }) => [to, at]),
    playbacks: playbacksOf(events),
    turns: of("TurnMeasured").map(({ record }) => record),
    callState: (state, at = Number.POSITIVE_INFINITY) =>
      read(
        state,
        of("CallStateChanged").findLast((event) => event.name === state.name && event.at <= at)?.value ?? state.initial
      ),
    messages: recording.history.items.map(message),
    warnings: [
      ...of("Warning").map(({ message }) => message),
      ...failedHooks(recording.logs),
      ...recording.testWarnings
    ],
    expect: (...expected) => {
      const used = new Set<number>()
      let since = Number.NEGATIVE_INFINITY
      for (const one of expected) {
        const found = events.findIndex((event, i) => event.at >= since && !used.has(i) && matches(event, one))
        if (found < 0) {
          const earlier = events.some((event) => matches(event, one)) ? " in this order" : ""
          fail(`expected${earlier}:`, [wanted(one), about(one)])
        }
        used.add(found)
        since = events[found]!.at
      }
    },
    exactly: (...expected) => {
      const tags = new Set(expected.map(([tag]) => tag))
      const actual = events.filter((event) => tags.has(event._tag))
      const wrong = expected.findIndex((one, i) => actual[i] === undefined || !matches(actual[i]!, one))
      if (wrong >= 0) {
        fail("expected exactly:", expected.map((one, i) => `${i === wrong ? ">" : " "}${wanted(one)}`))
      }
      if (actual.length > expected.length) {
        fail("expected no more than:", [...expected.map(wanted), `but there was also:`, line(actual[expected.length]!)])
      }
    },
    print
  }
}
