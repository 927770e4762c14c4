/**
 * A conversation as one picture, read like sheet music: the systems follow each
 * other, in each the caller is above and the agent below. Under them, what each
 * turn's latency was made of.
 */
import type { Audio } from "effect-voice"
import { group, line, path, rect, tag, text, widthOf, wrap } from "./svg.ts"
import { agentSpans, callerSpans, type Phase, phases, type Span, stages, type Take } from "./take.ts"

const ink = { strong: "#0f172a", normal: "#334155", soft: "#64748b", faint: "#cbd5e1", grid: "#e8edf3" }
const caller = { strong: "#0e7490", wave: "#06b6d4", soft: "#ecfeff" }
const agent = { strong: "#a21caf", wave: "#d946ef", soft: "#fdf4ff" }
const alarm = "#dc2626"
const good = "#15803d"

const stateColors: Readonly<Record<string, string>> = {
  speaking: "#d946ef",
  thinking: "#fbbf24",
  listening: "#e2e8f0",
  userSpeaking: "#06b6d4",
  away: "#f1f5f9"
}

const page = { width: 1760, left: 104, right: 28 }
const inner = page.width - page.left - page.right

/** Lanes of a system, from its top: where they begin, and how high they are. */
const lanes = {
  callerWords: { y: 0, height: 34 },
  callerWave: { y: 38, height: 64 },
  vad: { y: 110, height: 44 },
  states: { y: 164, height: 30 },
  agentWave: { y: 204, height: 64 },
  agentWords: { y: 272, height: 48 },
  marks: { y: 328, height: 34 }
}
const systemHeight = 400

interface Window {
  readonly from: number
  readonly to: number
  readonly x: (ms: number) => number
}

const clipped = (view: Window, from: number, to: number): readonly [number, number] | undefined =>
  to <= view.from || from >= view.to ? undefined : [view.x(Math.max(from, view.from)), view.x(Math.min(to, view.to))]

/** Loudest samples of each pixel, up and down. */
const wave = (audio: Audio.Frame, channel: number, view: Window, height: number, fill: string): string => {
  const { channels, sampleRate, samples } = audio
  const width = Math.floor(view.x(view.to))
  const perPixel = (view.to - view.from) / width
  const up: Array<readonly [number, number]> = []
  const down: Array<readonly [number, number]> = []
  for (let pixel = 0; pixel < width; pixel++) {
    const ms = view.from + pixel * perPixel
    const first = Math.floor(ms * sampleRate / 1000)
    const last = Math.min(Math.floor((ms + perPixel) * sampleRate / 1000), samples.length / channels)
    let high = 0
    let low = 0
    for (let i = first; i < last; i++) {
      const sample = samples[i * channels + channel] ?? 0
      if (sample > high) high = sample
      if (sample < low) low = sample
    }
    up.push([pixel, height / 2 * (1 - Math.min(1, high / 26_000)) - 0.4])
    down.push([pixel, height / 2 * (1 - Math.max(-1, low / 26_000)) + 0.4])
  }
  return path([...up, ...down.toReversed()], { fill }, true)
}

const speeches = (
  spans: ReadonlyArray<Span>,
  view: Window,
  wordsLane: { readonly y: number; readonly height: number },
  waveLane: { readonly y: number; readonly height: number },
  colors: typeof caller,
  aloud: ReadonlyArray<{ readonly from: number; readonly to: number }>
): string =>
  aloud.map(({ from, to }) => {
    const [x1, x2] = clipped(view, from, to) ?? [0, 0]
    return rect(x1, waveLane.y, x2 - x1, waveLane.height, { fill: colors.soft, rx: 3 })
  }).join("") +
  spans.flatMap((span, i) => {
    const place = clipped(view, span.from, span.to)
    if (place === undefined) return []
    const [x1, x2] = place
    const begins = span.from >= view.from
    const next = spans.slice(i + 1).find((other) => other.from < view.to)
    const room = Math.max(x2 - x1, (next === undefined ? inner : view.x(next.from)) - x1 - 14)
    const size = 12.5
    const most = Math.floor(wordsLane.height / 15)
    const words = begins ? wrap(span.text, size, Math.min(room, Math.max(x2 - x1, 230)), most) : ["…"]
    return [
      ...words.map((row, index) =>
        text(x1, wordsLane.y + 12 + index * 15, row, { "font-size": size, fill: colors.strong, "font-weight": 500 })
      ),
      span.cut && span.to <= view.to
        ? line(x2, waveLane.y - 3, x2, waveLane.y + waveLane.height + 3, { stroke: alarm, "stroke-width": 2 })
        : ""
    ]
  }).join("")

const strip = (states: ReadonlyArray<Phase>, view: Window, y: number, color: (state: string) => string): string =>
  states.flatMap(({ from, state, to }) => {
    const place = clipped(view, from, to)
    if (place === undefined) return []
    const [x1, x2] = place
    const named = x2 - x1 > widthOf(state, 9.5) + 8
    return [
      rect(x1, y, x2 - x1 - 0.8, 13, { fill: color(state), rx: 2 }),
      named
        ? text(x1 + 5, y + 9.8, state, {
          "font-size": 9.5,
          fill: state === "speaking" ? "#ffffff" : state === "thinking" ? "#713f12" : ink.soft
        })
        : ""
    ]
  }).join("")

const probability = (take: Take, view: Window): string => {
  const { height, y } = lanes.vad
  const at = (p: number) => y + height * (1 - p)
  const points = take.scores
    .filter((score) => score.at >= view.from && score.at <= view.to)
    .map((score): readonly [number, number] => [view.x(score.at), at(score.probability)])
  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined) return ""
  return [
    path([[first[0], at(0)], ...points, [last[0], at(0)]], { fill: "#67e8f9", "fill-opacity": 0.35 }, true),
    path(points, { fill: "none", stroke: caller.strong, "stroke-width": 1.1, "stroke-linejoin": "round" }),
    line(0, at(0.5), view.x(view.to), at(0.5), { stroke: ink.soft, "stroke-width": 0.6, "stroke-dasharray": "3 3" })
  ].join("")
}

interface Mark {
  readonly at: number
  readonly label: string
  readonly color: string
}

const marksOf = (take: Take): ReadonlyArray<Mark> =>
  take.events.flatMap((event): ReadonlyArray<Mark> => {
    const mark = (label: string, color: string): ReadonlyArray<Mark> => [{ at: event.at, label, color }]
    switch (event._tag) {
      case "UserSpeechCommitted":
        return mark(`turn ${event.turn} is over`, ink.normal)
      case "FunctionCallStarted":
        return mark(`${event.name}()`, "#6d28d9")
      case "AgentPaused":
        return mark("paused", "#b45309")
      case "FalseInterruption":
        return event.resumed ? mark("resumed", good) : []
      case "AgentStoppedSpeaking":
        return event.interrupted ? mark("cut off", alarm) : []
      case "ProviderAvailability":
        return mark(`${event.provider} ${event.available ? "is back" : "is lost"}`, event.available ? good : alarm)
      case "ProviderFailed":
        return mark(`${event.provider} failed`, alarm)
      case "SessionClosed":
        return mark("hung up", ink.strong)
      default:
        return []
    }
  })

/** Marks in rows, so that no two labels lie on each other. */
const marks = (all: ReadonlyArray<Mark>, view: Window): string => {
  const rows: Array<number> = []
  return all.filter(({ at }) => at >= view.from && at <= view.to).map(({ at, color, label }) => {
    const width = widthOf(label, 10.5) + 10
    const x = view.x(at)
    const toLeft = x + width > inner
    const start = toLeft ? x - width : x
    let row = rows.findIndex((end) => end < start)
    if (row < 0) row = rows.length
    rows[row] = start + width
    const y = lanes.marks.y + row * 14
    return [
      line(x, 0, x, y + 10, { stroke: color, "stroke-width": 0.8, "stroke-dasharray": "2 3", "stroke-opacity": 0.7 }),
      tag("circle", { cx: x, cy: y + 6.5, r: 2.8, fill: color }),
      text(toLeft ? x - 6 : x + 6, y + 10, label, {
        "font-size": 10.5,
        fill: color,
        "font-weight": 600,
        "text-anchor": toLeft ? "end" : "start"
      })
    ].join("")
  }).join("")
}

const names: ReadonlyArray<readonly [string, string, number, string]> = [
  ["caller", "microphone", lanes.callerWave.y + 30, caller.strong],
  ["voice", "probability", lanes.vad.y + 20, caller.strong],
  ["states", "caller, agent", lanes.states.y + 12, ink.normal],
  ["agent", "loudspeaker", lanes.agentWave.y + 30, agent.strong]
]

const system = (take: Take, audio: Audio.Frame, view: Window): string => {
  const bottom = lanes.agentWave.y + lanes.agentWave.height
  const ticks: Array<string> = []
  for (let ms = Math.ceil(view.from / 1000) * 1000; ms <= view.to; ms += 1000) {
    ticks.push(
      line(view.x(ms), lanes.callerWave.y, view.x(ms), bottom, { stroke: ink.grid, "stroke-width": 1 }),
      text(view.x(ms), lanes.callerWave.y - 36 - 8, `${ms / 1000} s`, {
        "font-size": 10,
        fill: ink.soft,
        "text-anchor": "middle"
      })
    )
  }
  const end = view.x(Math.min(view.to, take.length))
  const said = callerSpans(take)
  const states = phases(take.of("AgentStateChanged"), take.length)
  const isAloud = ({ state }: Phase) => state === "speaking"
  const middle = (lane: { readonly y: number; readonly height: number }) =>
    line(0, lane.y + lane.height / 2, end, lane.y + lane.height / 2, { stroke: ink.faint, "stroke-width": 0.6 })
  return group(
    page.left,
    0,
    ...names.map(([name, what, y, color]) =>
      text(-14, y, name, { "font-size": 12.5, "font-weight": 700, fill: color, "text-anchor": "end" }) +
      text(-14, y + 14, what, { "font-size": 10, fill: ink.soft, "text-anchor": "end" })
    ),
    ...ticks,
    speeches(said, view, lanes.callerWords, lanes.callerWave, caller, said),
    speeches(agentSpans(take), view, lanes.agentWords, lanes.agentWave, agent, states.filter(isAloud)),
    middle(lanes.callerWave),
    middle(lanes.agentWave),
    group(0, lanes.callerWave.y, wave(audio, 0, view, lanes.callerWave.height, caller.wave)),
    group(0, lanes.agentWave.y, wave(audio, 1, view, lanes.agentWave.height, agent.wave)),
    probability(take, view),
    strip(
      phases(take.of("UserStateChanged"), take.length),
      view,
      lanes.states.y,
      (state) => stateColors[state === "speaking" ? "userSpeaking" : state] ?? ink.faint
    ),
    strip(
      states,
      view,
      lanes.states.y + 16,
      (state) => stateColors[state] ?? ink.faint
    ),
    marks(marksOf(take), view)
  )
}

const rowHeight = 40

const waterfalls = (take: Take): string => {
  const records = take.of("TurnMeasured").map(({ record }) => record)
  const longest = Math.max(1000, ...records.map(({ total }) => total))
  const scale = (inner - 330 - 80) / (Math.ceil(longest / 250) * 250)
  const left = 330
  const height = records.length * rowHeight
  const grid: Array<string> = []
  for (let ms = 0; ms <= Math.ceil(longest / 250) * 250; ms += 250) {
    grid.push(
      line(left + ms * scale, -6, left + ms * scale, height, { stroke: ink.grid, "stroke-width": 1 }),
      text(left + ms * scale, -12, `${ms} ms`, { "font-size": 10, fill: ink.soft, "text-anchor": "middle" })
    )
  }
  const words = new Map(take.of("UserSpeechCommitted").map(({ text, turn }) => [turn, text]))
  const rows = records.map((record, i) => {
    let x = left
    const y = i * rowHeight
    const bars = stages.map(({ color, key, label }) => {
      const width = record[key] * scale
      const from = x
      x += width
      if (width === 0) return ""
      const legend = `${label} ${Math.round(record[key])}`
      const fits = width > widthOf(legend, 11) + 10
      const short = String(Math.round(record[key]))
      return rect(from, y, width - 1, 24, { fill: color, rx: 3 }) +
        (fits || width > widthOf(short, 11) + 8
          ? text(from + width / 2, y + 16, fits ? legend : short, {
            "font-size": 11,
            fill: ink.strong,
            "text-anchor": "middle"
          })
          : "")
    })
    const transcript = left + record.transcriptionDelay * scale
    return [
      text(0, y + 11, `turn ${record.turn}`, { "font-size": 12.5, "font-weight": 700, fill: ink.strong }),
      text(52, y + 11, wrap(words.get(record.turn) ?? "", 11.5, 250, 1)[0] ?? "", {
        "font-size": 11.5,
        fill: ink.normal
      }),
      text(
        52,
        y + 25,
        `${record.preempted ? "the model was asked before the turn was over" : ""}`,
        { "font-size": 10, fill: good }
      ),
      ...bars,
      path([[transcript - 4, y - 5], [transcript + 4, y - 5], [transcript, y + 1]], { fill: ink.strong }, true),
      text(x + 8, y + 16, `${Math.round(record.total)} ms`, { "font-size": 13, "font-weight": 700, fill: ink.strong })
    ].join("")
  })
  return grid.join("") + rows.join("")
}

const legend = (): string => {
  let x = 0
  const item = (color: string, label: string): string => {
    const at = x
    x += 20 + widthOf(label, 11) + 16
    return rect(at, 0, 13, 13, { fill: color, rx: 3 }) +
      text(at + 19, 10.5, label, { "font-size": 11, fill: ink.normal })
  }
  return [
    ...stages.map(({ color, label }) => item(color, label)),
    path([[x, 2], [x + 9, 2], [x + 4.5, 9]], { fill: ink.strong }, true),
    text(x + 16, 10.5, "the final transcript arrived", { "font-size": 11, fill: ink.normal })
  ].join("")
}

// Longest piece of time in one system (ms).
const longestSystem = 15_000

/** Where one system ends and the next begins: where nobody speaks, or at least not the caller. */
const breaksOf = (take: Take): ReadonlyArray<number> => {
  const lulls = (spans: ReadonlyArray<Span>) => (ms: number) =>
    spans.every(({ from, to }) => ms < from - 100 || ms > to + 400)
  const said = callerSpans(take)
  const anybody = lulls([...said, ...agentSpans(take)])
  const breaks = [0]
  for (let from = 0; take.length - from > longestSystem;) {
    const candidates = Array.from({ length: 40 }, (_, i) => from + longestSystem * (1 - i / 100))
    from = candidates.find(anybody) ?? candidates.find(lulls(said)) ?? from + longestSystem
    breaks.push(from)
  }
  return [...breaks, Math.ceil(take.length / 1000) * 1000]
}

/** Draws a take with its recording: the caller in the first channel, the agent in the second. */
export const draw = (take: Take, audio: Audio.Frame, options: {
  readonly title: string
  readonly notes: ReadonlyArray<string>
}): string => {
  const breaks = breaksOf(take)
  const count = breaks.length - 1
  const longest = Math.max(...breaks.slice(1).map((to, i) => to - (breaks[i] ?? 0)))
  const top = 134
  const views = breaks.slice(1).map((to, i): Window => {
    const from = breaks[i] ?? 0
    return { from, to, x: (ms) => (ms - from) / longest * inner }
  })
  const turnsAt = top + count * systemHeight + 44
  const height = turnsAt + 40 + take.of("TurnMeasured").length * rowHeight + 40
  return tag(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${page.width} ${height}`,
      width: page.width,
      height,
      "font-family": "Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
    },
    rect(0, 0, page.width, height, { fill: "#ffffff" }),
    text(page.left, 42, options.title, { "font-size": 24, "font-weight": 700, fill: ink.strong }),
    ...options.notes.map((note, i) => text(page.left, 64 + i * 17, note, { "font-size": 12, fill: ink.soft })),
    ...views.map((view, i) => group(0, top + i * systemHeight, system(take, audio, view))),
    group(
      page.left,
      turnsAt - 26,
      text(0, 0, "From the end of the caller's voice to the first sound of the answer", {
        "font-size": 16,
        "font-weight": 700,
        fill: ink.strong
      }),
      group(620, -11, legend())
    ),
    group(page.left, turnsAt + 26, waterfalls(take))
  )
}
