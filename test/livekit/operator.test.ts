import { assert, describe, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import { AgentDispatchClient } from "livekit-server-sdk"
import { recording } from "../fixtures/speech.ts"
import { operated } from "./support/operated.ts"
import { type Caller, caller, livekit, now, roomName, until } from "./support/people.ts"

const question = recording("weather_question.wav")

const agentIn = ({ room }: Caller): string | undefined =>
  [...room.remoteParticipants.values()].find(({ identity }) => identity.startsWith("agent-"))?.identity

/** Value of a series in a text for Prometheus. */
const valueOf = (text: string, series: string): number =>
  Number(text.split("\n").find((line) => line.startsWith(`${series} `))?.slice(series.length + 1) ?? Number.NaN)

describe.skipIf(livekit === undefined)("what an operator sees", () => {
  const at = livekit!
  const dispatcher = new AgentDispatchClient(at?.url.replace("ws", "http") ?? "", at?.key, at?.secret)

  /** A call in a room of its own, from the dispatch to the agent's greeting. */
  const call = Effect.gen(function*() {
    const room = roomName()
    const ann = yield* caller({ room })
    const since = now()
    yield* Effect.promise(() => dispatcher.createDispatch(room, "desk"))
    yield* until(() => agentIn(ann) !== undefined)
    const agent = agentIn(ann)!
    yield* ann.hears(agent, since)
    return { room, ann, agent }
  })

  const asks = ({ agent, ann }: { readonly agent: string; readonly ann: Caller }) =>
    Effect.gen(function*() {
      yield* ann.hearsSilence(agent)
      yield* ann.says(question)
      const asked = now()
      return (yield* ann.hears(agent, asked)) - asked
    })

  it.live("of ten calls: figures while they run, their logs, and a drain that loses none", () =>
    Effect.gen(function*() {
      const worker = yield* operated(at, 0)
      const began = now()
      const note = (what: string) =>
        process.stdout.write(`${String(Math.round(now() - began)).padStart(7)} ms  ${what}\n`)
      const calls = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, i) => i + 1),
        (number) => Effect.tap(call, () => Effect.sync(() => note(`call ${number} is greeted`)))
      )
      yield* asks(calls[0]!)
      let text = ""
      // A turn is measured when its reply is over.
      while (!(valueOf(text, "agent_response_time_seconds_count") > 0)) {
        yield* Effect.sleep(100)
        text = (yield* worker.get("/metrics")).text
      }
      const shown = [
        "agent_worker_jobs_active",
        "agent_sessions_active",
        "agent_worker_join_seconds_count",
        "agent_response_time_seconds_count",
        "agent_worker_load",
        "agent_process_cpu_ratio",
        "agent_process_memory_bytes",
        "agent_process_event_loop_delay_seconds"
      ].map((series) => [series, valueOf(text, series)] as const)
      for (const [series, value] of shown) note(`${series} ${value}`)
      const figures = Object.fromEntries(shown)
      assert.strictEqual(figures["agent_worker_jobs_active"], 10)
      assert.strictEqual(figures["agent_sessions_active"], 10)
      assert.strictEqual(figures["agent_worker_join_seconds_count"], 10)
      assert.isAbove(figures["agent_worker_load"]!, 0)
      assert.isAbove(figures["agent_process_memory_bytes"]!, 10_000_000)
      assert.strictEqual(JSON.parse((yield* worker.get("/health")).text).jobs, 10)

      const succeeded = Effect.map(
        worker.get("/metrics"),
        ({ text }) => valueOf(text, `agent_worker_jobs_total{status="success"}`)
      )
      worker.kill("SIGTERM")
      note("SIGTERM")
      yield* until(() => worker.lines().some(({ message }) => message === "the worker drains"))
      const ready = yield* worker.get("/ready")
      assert.deepStrictEqual([ready.status, JSON.parse(ready.text).problem], [503, "it drains"])
      assert.strictEqual((yield* worker.get("/health")).status, 200)
      note(`/ready ${ready.status}, /health 200`)
      const late = yield* caller({ room: roomName(), identity: "late" })
      yield* Effect.promise(() => dispatcher.createDispatch(late.room.name!, "desk").catch(() => undefined))
      const waited = yield* asks(calls[9]!)
      note(`a call goes on: it is answered ${Math.round(waited)} ms after its question`)
      assert.isUndefined(agentIn(late))
      const first = calls.slice(0, -1)
      for (const [index, { ann }] of first.entries()) {
        yield* ann.leaves
        let over = 0
        while (over <= index) over = yield* succeeded
        note(`call ${index + 1} hangs up, its job is a success`)
      }
      // With the last one the process goes, too.
      yield* calls.at(-1)!.ann.leaves
      note("call 10 hangs up")
      assert.strictEqual(yield* worker.exited, 0)
      note("the process has ended with 0")

      assert.isFalse(worker.lines().some(({ message }) => message === "the job failed"))
      const about = worker.lines().filter(({ annotations }) => annotations["job"] !== undefined)
      const [job] = about.flatMap(({ annotations }) => annotations["job"] ?? [])
      for (const line of about.filter(({ annotations }) => annotations["job"] === job)) note(JSON.stringify(line))
      assert.strictEqual(new Set(about.map(({ annotations }) => annotations["job"])).size, 10)
      const lines = about.filter(({ annotations }) => annotations["job"] === job)
      // What the room tells stands where it happened to come, and it may have been ended before the agent has left.
      const people = /^a participant has /
      const ended = "the room is disconnected"
      assert.sameMembers(lines.map(({ message }) => String(message)).filter((message) => people.test(message)), [
        "a participant has joined",
        "a participant has left"
      ])
      const course = lines.filter(({ message }) => !people.test(String(message)) && message !== ended)
      assert.deepStrictEqual(course.map(({ message }) => message), [
        "the job begins",
        "the conversation begins",
        "the conversation is over",
        "the job is over"
      ])
      assert.deepInclude(course[1]?.annotations, { participant: "ann" })
      assert.deepInclude(course[2]?.annotations, { participant: "ann", reason: "participant_left" })
      assert.notMatch(worker.text() + worker.errors(), /weather|sunny|Paris/i)
      assert.strictEqual(worker.errors(), "")
    }))

  for (const [kind, processes] of [["alone", 0], ["with its pool left behind", 1], ["one of its pool", 1]] as const) {
    it.live(`of a worker that is killed in mid-call (${kind}): the next one takes over`, () =>
      Effect.gen(function*() {
        const first = yield* operated(at, processes)
        const { ann, agent, room } = yield* call
        const second = yield* operated(at, 0)
        if (kind === "one of its pool") {
          const health = JSON.parse((yield* first.get("/health")).text)
          process.kill(health.children[0].pid, "SIGKILL")
        } else first.kill("SIGKILL")
        const killed = now()
        yield* until(() => agentIn(ann) === undefined)
        const alone = now() - killed
        // The worker takes them out; where it has died itself, the server takes some 20 s.
        if (kind === "one of its pool") assert.isBelow(alone, 5000)
        yield* Effect.promise(() => dispatcher.createDispatch(room, "desk"))
        yield* until(() => agentIn(ann) !== undefined && agentIn(ann) !== agent)
        yield* ann.hears(agentIn(ann)!, killed)
        yield* Console.log(
          `alone after ${Math.round(alone)} ms, greeted by the other worker after ${Math.round(now() - killed)} ms`
        )
        yield* ann.leaves
        second.kill("SIGTERM")
        assert.strictEqual(yield* second.exited, 0)
      }))
  }
})
