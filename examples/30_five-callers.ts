/**
 * @title Five callers in one room, each with a conversation of their own
 *
 * One pipeline for each participant, with its own published track. They share
 * the room, the voice activity model, the recogniser, the model and the voice.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import { Agent, Audio, type Event, Pipeline } from "effect-voice"
import * as EnergyVad from "effect-voice/Layers/EnergyVad"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as Testing from "effect-voice/testing"

const callers = ["Ann", "Bob", "Cleo", "Dan", "Eve"]

const questions = (name: string) => [`My name is ${name}.`, `What is ${name} allowed to do?`, `Goodbye from ${name}.`]

// Everybody speaks at nearly the same time, and again every eight seconds.
const participants = callers.map((identity, i): LocalRoom.Participant => ({
  identity,
  audio: questions(identity).map((text, turn) => ({
    at: 500 + turn * 8000 + i * 40,
    audio: Testing.speech(text)
  })),
  linger: "5 seconds"
}))

const agent = Agent.make({ instructions: "Repeat what you were told." })

const talkWith = Effect.fnUntraced(function*(identity: string) {
  const turns: Array<Event.TurnRecord> = []
  const said: Array<string> = []
  yield* Pipeline.run(agent, {
    participant: identity,
    output: { name: `agent-for-${identity}` },
    onEvent: (event) => {
      if (event._tag === "TurnMeasured") turns.push(event.record)
      if (event._tag === "AgentSpeechCommitted") said.push(event.text)
    }
  })
  return { identity, turns, said }
})

const program = Effect.gen(function*() {
  const conversations = yield* Effect.forEach(callers, talkWith, { concurrency: "unbounded" })
  const tracks = yield* (yield* LocalRoom.Control).outputs
  for (const { identity, said, turns } of conversations) {
    // Not what was meant to be said: what the loudspeaker of this caller played.
    const track = tracks.find(({ name }) => name === `agent-for-${identity}`)
    const frames = track === undefined ? [] : (yield* track.heard).map(({ frame }) => frame)
    const own = Testing.readSpeech(Audio.concat(frames)).text
    const others = callers.filter((other) => other !== identity && own.includes(other))
    const slowest = Math.max(...turns.map(({ total }) => total))
    yield* Console.log(
      `${identity}: ${said.length} replies, ${others.length} of others, slowest after ${Math.round(slowest)} ms: ${own}`
    )
  }
}).pipe(
  Effect.provide(
    Layer.mergeAll(
      EnergyVad.layer(),
      Testing.layerStt(),
      Testing.layerLlm(({ text }) => `You said: ${text}`),
      Testing.layerTts({ audio: "audible" })
    ).pipe(Layer.provideMerge(LocalRoom.layer({ mode: "fast", participants, keepHeard: true })))
  )
)

NodeRuntime.runMain(program)
