/** Callers of the benchmark, as the carrier would put them through: they ask, listen, and measure what they hear. */
import { Effect, Redacted } from "effect"
import { Audio } from "effect-voice"
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { call, type Line } from "../../test/support/carrier.ts"

export interface Job {
  readonly port: number
  readonly calls: number
  readonly turns: number
}

export interface Result {
  readonly replyMs: ReadonlyArray<number>
  readonly silenceMs: ReadonlyArray<number>
  readonly missed: number
  /** How late the callers' own clock was at most. */
  readonly lateMs: number
}

const patience = 10_000

const question = (() => {
  const bytes = readFileSync(new URL("../../test/fixtures/weather_question.wav", import.meta.url))
  const wav = Effect.runSync(Effect.fromResult(Audio.decodeWav(bytes)))
  const converter = Audio.converter({ to: { sampleRate: 8000, channels: 1 } })
  return Audio.concat([...converter.push([wav]), ...converter.flush()])
})()

const talk = async (line: Line, turns: number, index: number) => {
  const replyMs: Array<number> = []
  const silenceMs: Array<number> = []
  let missed = 0
  const until = async (what: () => boolean): Promise<boolean> => {
    for (const end = performance.now() + patience; performance.now() < end; await sleep(10)) if (what()) return true
    return false
  }
  const ask = async (): Promise<number> => {
    line.say(question)
    await until(() => line.isSilent)
    line.listenFrom = line.spokeAt
    line.firstLoudAt = undefined
    return (await until(() => line.firstLoudAt !== undefined)) ? line.firstLoudAt! - line.spokeAt : Number.NaN
  }
  await sleep(index * 137 % 2000)
  for (let turn = 0; turn < turns; turn++) {
    const ms = await ask()
    if (Number.isNaN(ms)) missed++
    else replyMs.push(ms)
    if (turn % 3 === 1) {
      await sleep(400)
      const from = line.now
      const after = ask()
      if (await until(() => (line.clears.at(-1) ?? 0) > from)) silenceMs.push(line.clears.at(-1)! - from)
      if (Number.isNaN(await after)) missed++
    }
    await until(() => line.now - line.lastLoudAt > 700)
  }
  return { replyMs, silenceMs, missed }
}

process.once("message", (job: Job) => {
  void Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const carrier = { port: job.port, url: "https://bench.invalid/call", token: Redacted.make("bench") }
    const lines: Array<Line> = []
    for (let i = 0; i < job.calls; i++) lines.push((yield* call(carrier)).line)
    yield* Effect.sleep(2000)
    for (const line of lines) line.stall = 0
    process.send!({ phase: "begin" })
    const all = yield* Effect.promise(() => Promise.all(lines.map((line, i) => talk(line, job.turns, i))))
    const result: Result = {
      replyMs: all.flatMap(({ replyMs }) => replyMs),
      silenceMs: all.flatMap(({ silenceMs }) => silenceMs),
      missed: all.reduce((sum, { missed }) => sum + missed, 0),
      lateMs: Math.max(...lines.map(({ stall }) => stall))
    }
    process.send!({ phase: "end", result })
  }))).then(() => process.exit(0))
})
process.send!({ phase: "ready" })
