/** The conversation in a terminal, line by line while it happens. */
import type { Event } from "effect-voice"
import { stages } from "./take.ts"

export interface Terminal {
  readonly isTTY: boolean
  readonly write: (text: string) => void
}

export const terminal: Terminal = {
  isTTY: process.stdout.isTTY === true && process.stdout.hasColors(),
  write: (text) => void process.stdout.write(text)
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 }

type Style = keyof typeof codes

const seconds = (ms: number) => (ms / 1000).toFixed(2)

const clock = (ms: number) => {
  const tenths = Math.max(0, Math.round(ms / 100))
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`
}

const reasons: Readonly<Record<string, string>> = {
  hang_up: "the agent has hung up",
  participant_left: "the caller has hung up",
  closed: "closed"
}

const waterfall = (record: Event.TurnRecord): string =>
  stages.filter(({ key }) => record[key] > 0).map(({ key, label }) => `${label} ${seconds(record[key])}`).join(" + ")

export const make = (out: Terminal, agentName = "agent") => {
  const style = (text: string, ...styles: ReadonlyArray<Style>): string =>
    out.isTTY ? `\u001B[${styles.map((name) => codes[name]).join(";")}m${text}\u001B[0m` : text
  let began = 0
  let user: Event.UserState = "listening"
  let agent: Event.AgentState = "initializing"
  let spoken = ""
  let heard = ""
  let live = ""

  /** The two of them at this moment: who speaks has a bar, who thinks has dots. */
  const lanes = (): string => {
    const caller = user === "speaking" ? style("███", "cyan") : style(" · ", "dim")
    const other = agent === "speaking"
      ? style("███", "magenta")
      : agent === "thinking"
      ? style("░░░", "yellow")
      : style(" · ", "dim")
    return `${caller} ${other}`
  }
  const erase = (): void => {
    if (live !== "") out.write("\r\u001B[2K")
    live = ""
  }
  const line = (at: number, text: string): void => {
    erase()
    out.write(`${style(clock(at - began).padStart(8), "dim")}  ${lanes()}  ${text}\n`)
  }
  const showLive = (): void => {
    if (!out.isTTY) return
    const now = user === "speaking" ? `caller  ${heard} …` : agent === "speaking" ? `${agentName}   ${spoken} …` : agent
    erase()
    live = now
    out.write(`          ${lanes()}  ${style(now.slice(0, 90), "dim")}`)
  }

  const sees = (event: Event.Event): void => {
    const { at } = event
    switch (event._tag) {
      case "SessionStarted":
        began = at
        break
      case "UserStateChanged":
        user = event.to
        if (event.to === "speaking") line(at, style("caller speaks", "dim"))
        if (event.to === "away") line(at, style("caller is away", "dim"))
        break
      case "AgentStateChanged":
        agent = event.to
        if (event.to === "thinking") line(at, style("agent thinks", "dim"))
        if (event.from === "thinking" && event.to === "speaking") line(at, style("agent speaks", "dim"))
        break
      case "UserTranscript":
        heard = event.final ? "" : event.text
        if (event.final) line(at, `${style("caller", "bold", "cyan")}  ${event.text}`)
        break
      case "AgentTranscript":
        spoken = event.final ? "" : spoken + event.text
        break
      case "AgentSpeechCommitted":
        line(
          at,
          `${style("agent ", "bold", "magenta")}  ${event.text}${event.interrupted ? style(" — (cut off)", "red") : ""}`
        )
        break
      case "AgentPaused":
        line(at, style("agent pauses: somebody speaks over it", "yellow"))
        break
      case "FalseInterruption":
        line(at, style("agent goes on: that was no interruption", "green"))
        break
      case "AgentStoppedSpeaking":
        if (event.interrupted) line(at, style("agent stops: interrupted", "red"))
        break
      case "FunctionCallsFinished":
        for (const { name, params, result } of event.calls) {
          const answer = result === undefined || result === null ? "" : ` → ${JSON.stringify(result)}`
          line(at, `${style("tool", "bold", "blue")}    ${name} ${JSON.stringify(params)}${answer}`)
        }
        break
      case "TurnMeasured":
        line(
          at,
          style(
            `turn ${event.record.turn}: answered after ${seconds(event.record.total)} s = ${waterfall(event.record)}`,
            "dim"
          )
        )
        break
      case "ProviderFailed":
        line(at, style(`${event.provider} failed${event.recovered ? ", and was replaced" : ""}`, "red"))
        break
      case "ProviderAvailability":
        line(
          at,
          event.available
            ? style(`${event.provider} is back`, "green")
            : style(`${event.provider} is lost: the next provider takes over`, "red")
        )
        break
      case "Warning":
        line(at, style(`warning: ${event.message}`, "yellow"))
        break
      case "SessionClosed":
        line(at, style(`the end: ${reasons[event.reason] ?? event.reason}`, "bold"))
        break
    }
    showLive()
    if (event._tag === "SessionClosed") erase()
  }

  return {
    sees,
    title: (what: string, facts: ReadonlyArray<readonly [string, string]>): void => {
      out.write(`\n  ${style(what, "bold")}\n`)
      for (const [name, text] of facts) out.write(`  ${style(name.padEnd(10), "dim")} ${text}\n`)
      out.write("\n")
    },
    written: (files: ReadonlyArray<readonly [string, string]>): void => {
      out.write("\n")
      for (const [file, what] of files) out.write(`  ${style(file, "bold")}  ${style(what, "dim")}\n`)
    }
  }
}
