/**
 * A capture of the wire to one provider, as it is written to a file and replayed
 * by a stand-in. It holds the first exchanges and those that failed, each with
 * its messages in order and their times (ms since its beginning).
 */
import type { Opening, Seen, Watch } from "../../internal/provider/tap.ts"
import { printable, Redaction } from "./redaction.ts"

/** What happened in an exchange: `us` is this library, `them` the provider. */
export interface Step {
  readonly at: number
  readonly from: "us" | "them"
  readonly status?: number | undefined
  readonly type?: string | undefined
  readonly text?: string | undefined
  /** Length of a binary message. */
  readonly bytes?: number | undefined
  readonly end?: number | "done" | undefined
  readonly reason?: string | undefined
  readonly lost?: string | undefined
}

export interface Exchange {
  readonly transport: "http" | "socket"
  readonly method: string
  readonly path: string
  readonly headers: ReadonlyArray<string>
  readonly body?: string | undefined
  readonly steps: ReadonlyArray<Step>
}

/** A file of this form can be read as long as `version` is 1. */
export interface Capture {
  readonly version: 1
  readonly provider: string
  readonly kind: "stt" | "llm" | "tts"
  readonly words: boolean
  readonly exchanges: ReadonlyArray<Exchange>
}

/** Exchanges that went well and are kept. */
const maxWell = 3

/** Exchanges that did not and are kept. */
const maxFailed = 5

/** Steps of an exchange that are kept. */
const maxSteps = 2000

interface Raw {
  readonly opening: Opening
  readonly from: number
  readonly seen: Array<readonly [at: number, seen: Seen]>
}

const typeOf = ({ seen }: Raw): string => {
  const answer = seen.find(([, { _tag }]) => _tag === "Answered")?.[1]
  return answer?._tag === "Answered" ? answer.headers["content-type"] ?? "" : ""
}

const statusOf = ({ seen }: Raw): number | undefined => {
  const answer = seen.find(([, { _tag }]) => _tag === "Answered")?.[1]
  return answer?._tag === "Answered" ? answer.status : undefined
}

const answerOf = ({ seen }: Raw): string =>
  Buffer.concat(seen.flatMap(([, at]) => at._tag === "Received" ? [Buffer.from(at.message)] : [])).toString().slice(
    0,
    4000
  )

const messageIn = (text: string): string => {
  try {
    const { detail, error, message } = JSON.parse(text) as Readonly<Record<string, unknown>>
    const told = message ?? error ?? detail
    return typeof told === "string" ? told : told === undefined ? text : messageIn(JSON.stringify(told))
  } catch {
    return text.startsWith("<") ? "a page of HTML" : text
  }
}

const failed = (raw: Raw): boolean =>
  (statusOf(raw) ?? 0) >= 400 ||
  raw.seen.some(([, seen]) =>
    seen._tag === "Lost" || seen._tag === "Ended" && ![undefined, 1000, 1005].includes(seen.code)
  )

/** Pieces of an answer in text, cut behind whole lines: a word may come in two pieces. */
const wholeLines = (raw: Raw, redaction: Redaction): ReadonlyArray<Step> => {
  const decoder = new TextDecoder()
  const steps: Array<Step> = []
  let rest = ""
  let last = 0
  for (const [at, seen] of raw.seen) {
    if (seen._tag !== "Received") continue
    last = at
    rest += typeof seen.message === "string" ? seen.message : decoder.decode(seen.message, { stream: true })
    const end = rest.lastIndexOf("\n") + 1
    if (end === 0 || !typeOf(raw).includes("event-stream")) continue
    steps.push({ at, from: "them", text: redaction.text(rest.slice(0, end)) })
    rest = rest.slice(end)
  }
  if (rest !== "") steps.push({ at: last, from: "them", text: redaction.text(rest) })
  return steps
}

const messageStep = (at: number, from: "us" | "them", message: string | Uint8Array, redaction: Redaction): Step =>
  typeof message === "string" ? { at, from, text: redaction.text(message) } : { at, from, bytes: message.length }

const stepsOf = (raw: Raw, redaction: Redaction, secrets: ReadonlyArray<string>): ReadonlyArray<Step> => {
  const inText = raw.opening.transport === "http" && /json|text|event-stream|xml/.test(typeOf(raw))
  const refused = raw.opening.transport === "socket" && statusOf(raw) !== undefined
  const others = raw.seen.flatMap(([at, seen]): ReadonlyArray<Step> => {
    switch (seen._tag) {
      case "Opened":
        return []
      case "Answered":
        return [{ at, from: "them", status: seen.status, type: seen.headers["content-type"]?.replaceAll(/\s/g, "") }]
      case "Sent":
        return [messageStep(at, "us", seen.message, redaction)]
      case "Received":
        return inText || refused ? [] : [messageStep(at, "them", seen.message, redaction)]
      case "Ended":
        return [{
          at,
          from: "them",
          end: seen.code ?? "done",
          reason: seen.reason === undefined || seen.reason === ""
            ? undefined
            : redaction.value("reason", printable(seen.reason, secrets))
        }]
      case "Lost":
        return [{ at, from: "them", lost: seen.code ?? "" }]
    }
  })
  const lines = inText || refused ? wholeLines(raw, redaction) : []
  return [...others, ...lines].sort((a, b) => a.at - b.at || Number(a.end !== undefined) - Number(b.end !== undefined))
    .reduce<Array<Step>>((steps, step) => {
      const before = steps.at(-1)
      // A microphone sends fifty pieces a second: their sum tells as much.
      if (before?.from === "us" && step.from === "us" && before.bytes !== undefined && step.bytes !== undefined) {
        steps[steps.length - 1] = { ...before, bytes: before.bytes + step.bytes }
      } else steps.push(step)
      return steps
    }, []).slice(0, maxSteps)
}

const bodyOf = ({ body }: Opening, redaction: Redaction): string | undefined => {
  if (body === undefined) return undefined
  if (typeof body === "string") return redaction.text(body)
  if (!(body instanceof Uint8Array)) {
    return body.map(([name, value]) =>
      `${name}=${typeof value === "number" ? `${value} bytes` : redaction.value(name, value)}`
    ).join("&")
  }
  return /^\s*[[{<]/.test(Buffer.from(body.subarray(0, 8)).toString())
    ? redaction.text(Buffer.from(body).toString())
    : `${body.length} bytes`
}

/** Watches one provider. `now` is in ms. */
export const recorder = (options: {
  readonly provider: string
  readonly kind: Capture["kind"]
  readonly secrets: ReadonlyArray<string>
  readonly words: boolean
  readonly now: () => number
}) => {
  const { kind, now, provider, secrets, words } = options
  let kept: Array<Raw> = []
  let exchanges = 0
  const watch: Watch = (opening) => {
    if (opening.url.startsWith("data:")) return () => {}
    const raw: Raw = { opening, from: now(), seen: [] }
    exchanges++
    const others = kept.filter((raw) => failed(raw))
    kept = [...kept.filter((raw) => !failed(raw)).slice(0, maxWell), ...others.slice(-maxFailed), raw]
    return (seen) => {
      if (raw.seen.length < maxSteps * 4) raw.seen.push([Math.round(now() - raw.from), seen])
    }
  }
  return {
    watch,
    /** Exchanges so far. */
    exchanges: () => exchanges,
    /** What closes and refusals said, without keys, each once. */
    said: (): ReadonlyArray<string> => {
      const lines = kept.flatMap((raw) => [
        ...((statusOf(raw) ?? 0) < 400 ? [] : [`${statusOf(raw)} ${printable(messageIn(answerOf(raw)), secrets)}`]),
        ...raw.seen.flatMap(([, seen]) =>
          seen._tag === "Lost"
            ? [`lost: ${seen.code ?? "no code"}`]
            : seen._tag === "Ended" && seen.code !== undefined && ![1000, 1005].includes(seen.code)
            ? [`closed ${seen.code} ${printable(seen.reason ?? "", secrets)}`.trim()]
            : []
        )
      ])
      return [...new Set(lines)]
    },
    capture: (): Capture => {
      const redaction = new Redaction(secrets, words)
      return {
        version: 1,
        provider,
        kind,
        words,
        exchanges: kept.map((raw): Exchange => ({
          transport: raw.opening.transport,
          method: raw.opening.method,
          path: redaction.path(raw.opening.url),
          headers: Object.keys(raw.opening.headers).map((name) => name.toLowerCase()).sort(),
          body: bodyOf(raw.opening, redaction),
          steps: stepsOf(raw, redaction, secrets)
        }))
      }
    }
  }
}
