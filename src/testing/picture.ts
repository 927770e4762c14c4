/** A timeline as a picture: who spoke, what was understood, what was decided. */
import * as Check from "../internal/options.ts"
import type { Timeline } from "./timeline.ts"

/**
 * How a timeline is drawn.
 *
 * @category options
 * @since 0.1.0
 */
export interface PictureOptions {
  /** @default "" */
  readonly title?: string | undefined
  /** Where it begins (ms). @default 0 */
  readonly from?: number | undefined
  /** Where it ends (ms). @default a second after the last sound of either */
  readonly to?: number | undefined
  /** Width in pixels. @default 960 */
  readonly width?: number | undefined
}

const drawing = Check.struct<PictureOptions>()({
  title: Check.words,
  from: Check.number(),
  to: Check.number(),
  width: Check.number({ above: 0 })
})

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")

const left = 110
const right = 20
const laneHeight = 34
const barHeight = 22
const head = 44

interface Mark {
  readonly at: number
  readonly text: string
}

/** The decisions that a reader wants to see, in a word or two. */
const decisions = (timeline: Timeline): ReadonlyArray<Mark> =>
  timeline.events.flatMap((event): ReadonlyArray<Mark> => {
    switch (event._tag) {
      case "UserSpeechCommitted":
        return [{ at: event.at, text: "turn" }]
      case "AgentPaused":
        return [{ at: event.at, text: "pause" }]
      case "FalseInterruption":
        return [{ at: event.at, text: event.resumed ? "resume" : "stop" }]
      case "AgentStoppedSpeaking":
        return event.interrupted ? [{ at: event.at, text: "cut" }] : []
      case "FunctionCallStarted":
        return [{ at: event.at, text: event.name }]
      case "UserStateChanged":
        return event.to === "away" ? [{ at: event.at, text: "away" }] : []
      default:
        return []
    }
  })

/** What comes too close to what stands before it goes a row lower. */
const rows = (
  marks: ReadonlyArray<Mark>,
  x: (at: number) => number
): ReadonlyArray<Mark & { readonly row: number }> => {
  const ends: Array<number> = []
  return marks.map((mark) => {
    const start = x(mark.at)
    const free = ends.findIndex((end) => end <= start)
    const row = free < 0 ? ends.length : free
    ends[row] = start + mark.text.length * 6.5 + 10
    return { ...mark, row }
  })
}

/**
 * Draws a timeline as SVG: the caller's speech, the transcripts, what was
 * decided, and when the agent was heard.
 *
 * **Example** (A barge-in)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as Testing from "effect-voice/testing"
 *
 * const svg = Testing.scenario({
 *   user: [Testing.say(500, 1500, "Tell me a story."), Testing.say(6000, 6800, "Stop!")],
 *   llm: ["Once upon a time there was a king.", "All right."],
 *   tts: { duration: 6000 }
 * }).pipe(Effect.map((timeline) => Testing.picture(timeline, { title: "A barge-in" })))
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const picture = (timeline: Timeline, options: PictureOptions = {}): string => {
  const spoken = timeline.user.flatMap((action) => action._tag === "Say" ? [action] : [])
  const last = Math.max(0, ...spoken.map(({ to }) => to), ...timeline.audible.map(({ to }) => to))
  const { from = 0, title = "", to = last + 1000, width = 960 } = Check.readOrThrow(drawing, options)
  const x = (at: number): number => left + (width - left - right) * (at - from) / Math.max(1, to - from)
  const inside = (at: number): boolean => at >= from && at <= to
  const clip = (at: number): number => x(Math.min(to, Math.max(from, at)))
  const heard = rows(
    timeline.of("UserTranscript").filter(({ at }) => inside(at)).map(({ at, final, text }) => ({
      at,
      text: final ? text : `${text}…`
    })),
    x
  )
  const decided = rows(decisions(timeline).filter(({ at }) => inside(at)), x)
  const depth = (marks: ReadonlyArray<{ readonly row: number }>) => Math.max(1, ...marks.map(({ row }) => row + 1))
  const lanes = [
    { name: "caller", rows: 1 },
    { name: "transcripts", rows: depth(heard) },
    { name: "decisions", rows: depth(decided) },
    { name: "agent", rows: 1 }
  ]
  const top = (lane: number): number =>
    head + lanes.slice(0, lane).reduce((sum, { rows }) => sum + 12 + rows * barHeight, 0)
  const height = top(lanes.length) + laneHeight
  const text = (at: number, y: number, content: string, kind = "") =>
    `<text x="${at.toFixed(1)}" y="${y}"${kind === "" ? "" : ` class="${kind}"`}>${escape(content)}</text>`
  const bar = (lane: number, start: number, end: number, kind: string, content: string) => {
    if (end <= from || start >= to) return []
    const [a, b] = [clip(start), clip(end)]
    const room = Math.floor((b - a - 8) / 6.5)
    const label = content.length <= room ? content : room > 2 ? `${content.slice(0, room - 1)}…` : ""
    return [
      `<rect class="${kind}" x="${a.toFixed(1)}" y="${top(lane)}" width="${
        Math.max(1, b - a).toFixed(1)
      }" height="${barHeight}" rx="3"/>`,
      ...(label === "" ? [] : [text(a + 4, top(lane) + 15, label)])
    ]
  }
  const flags = (lane: number, marks: ReadonlyArray<Mark & { readonly row: number }>) =>
    marks.flatMap(({ at, row, text: content }) => {
      const y = top(lane) + row * barHeight
      return [
        `<line class="mark" x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${y}" y2="${y + barHeight - 4}"/>`,
        text(x(at) + 3, y + 13, content)
      ]
    })
  const unit = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000].find((ms) => (to - from) / ms <= 14) ?? 60_000
  const ticks = Array.from({ length: Math.floor((to - from) / unit) + 1 }, (_, i) => from + i * unit)
  const committed = timeline.of("AgentSpeechCommitted")
  const saidFrom = (start: number) => committed.find(({ at }) => at >= start)
  /** What a stretch says; one that goes on with a speech does not begin it again. */
  const said = (start: number, before: number | undefined): string => {
    const speech = saidFrom(start)
    const goesOn = speech !== undefined && before !== undefined && saidFrom(before) === speech
    return goesOn ? "…" : speech?.text ?? ""
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    "<style>text{font:12px sans-serif;fill:#222}.title{font-size:14px;font-weight:bold}.time{fill:#666;text-anchor:middle}" +
    ".user{fill:#9ecbff}.noise{fill:#d0d7de}.agent{fill:#a6e3a1}.mark{stroke:#d1242f;stroke-width:1.5}.grid{stroke:#e4e8ec}</style>",
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...(title === "" ? [] : [text(8, 20, title, "title")]),
    ...ticks.flatMap((at) => [
      `<line class="grid" x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${head - 8}" y2="${
        height - laneHeight
      }"/>`,
      text(x(at), height - 12, `${at / 1000} s`, "time")
    ]),
    ...lanes.map(({ name }, lane) => text(8, top(lane) + 15, name)),
    ...spoken.flatMap(({ at, text: words, to: end }) =>
      bar(0, at, end, words === "" ? "noise" : "user", words === "" ? "noise" : words)
    ),
    ...flags(1, heard),
    ...flags(2, decided),
    ...timeline.audible.flatMap(({ from: start, to: end }, i) =>
      bar(3, start, end, "agent", said(start, timeline.audible[i - 1]?.from))
    ),
    "</svg>",
    ""
  ].join("\n")
}
