/** What happened in a conversation, as it is told and drawn: times in ms from its beginning. */
import { Clock, Effect } from "effect"
import type { Event, Vad } from "effect-voice"

export interface Span {
  readonly from: number
  readonly to: number
  readonly text: string
  readonly cut: boolean
}

export interface Take {
  readonly events: ReadonlyArray<Event.Event>
  readonly scores: ReadonlyArray<Vad.Score>
  readonly length: number
  readonly of: <Tag extends Event.Event["_tag"]>(tag: Tag) => ReadonlyArray<Event.Of<Tag>>
}

/** Collects events and scores while they come. */
export const recorder = () => {
  const events: Array<Event.Event> = []
  const scores: Array<Vad.Score> = []
  // When the microphone began, and the recording with it: audio is never early.
  let began = Number.POSITIVE_INFINITY
  return {
    event: (event: Event.Event): void => void events.push(event),
    meter: Clock.clockWith((clock) =>
      Effect.succeed((score: Vad.Score): void => {
        scores.push(score)
        began = Math.min(began, clock.currentTimeMillisUnsafe() - score.at)
      })
    ),
    take: (): Take => {
      const own = events.map((event): Event.Event => {
        const at = event.at - began
        if (event._tag === "UserStartedSpeaking") return { ...event, at, startedAt: event.startedAt - began }
        if (event._tag !== "UserStoppedSpeaking") return { ...event, at }
        return { ...event, at, startedAt: event.startedAt - began, endedAt: event.endedAt - began }
      })
      return {
        events: own,
        scores,
        length: own.at(-1)?.at ?? 0,
        of: (tag) => own.filter((event): event is Event.Of<typeof tag> => event._tag === tag)
      }
    }
  }
}

/** When the caller spoke, and what was understood. */
export const callerSpans = (take: Take): ReadonlyArray<Span> => {
  const finals = take.of("UserTranscript").filter((transcript) => transcript.final)
  const stops = take.of("UserStoppedSpeaking")
  return stops.map(({ endedAt, startedAt }, i): Span => {
    const next = stops[i + 1]?.startedAt ?? Number.POSITIVE_INFINITY
    const heard = finals.filter(({ at }) => at >= startedAt && at < next)
    return { from: startedAt, to: endedAt, text: heard.map((final) => final.text).join(" "), cut: false }
  })
}

/** When the agent spoke, and what of it was heard; a pause lies inside. */
export const agentSpans = (take: Take): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let from = 0
  let text = ""
  for (const event of take.events) {
    if (event._tag === "AgentStartedSpeaking") {
      from = event.at
      text = ""
    } else if (event._tag === "AgentTranscript") {
      text += event.text
    } else if (event._tag === "AgentStoppedSpeaking") {
      spans.push({ from, to: event.at, text: text.trim(), cut: event.interrupted })
    }
  }
  return spans
}

/** A state and how long it lasted. */
export interface Phase {
  readonly state: string
  readonly from: number
  readonly to: number
}

export const phases = (
  changes: ReadonlyArray<{ readonly at: number; readonly to: string }>,
  length: number
): ReadonlyArray<Phase> =>
  [{ at: 0, to: "listening" }, ...changes]
    .map(({ at, to }, i, all): Phase => ({ state: to, from: Math.max(0, at), to: all[i + 1]?.at ?? length }))
    .filter((phase) => phase.to > phase.from)

/** The stages of a turn's latency, in their order; they add up to its total. */
export const stages = [
  { key: "endOfUtterance", label: "end of turn", color: "#94a3b8" },
  { key: "tools", label: "tools", color: "#a78bfa" },
  { key: "llmFirstToken", label: "model", color: "#60a5fa" },
  { key: "firstSentence", label: "first sentence", color: "#34d399" },
  { key: "ttsFirstByte", label: "voice", color: "#fbbf24" },
  { key: "playoutStart", label: "playout", color: "#fb7185" }
] as const
