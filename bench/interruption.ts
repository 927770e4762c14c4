/**
 * Whether the agent falls silent when it should, and only then: 100 people who
 * cut in and 100 who only show that they listen, over an agent that reads aloud.
 *
 * Their speech is synthesised (`interruption/people.ts`), and lies over some noise
 * and, where it is asked for, an echo of the agent.
 * Silero finds the voice; the recogniser streams: an interim 150 ms after each
 * word, told again each 100 ms, a final 300 ms after the voice, with the times of
 * the words. The room's Clock is the audio delivered, so that a busy machine
 * changes nothing.
 *
 * - `onsetToSilent`: from the first sound of who cuts in to the last of the agent
 *   (ms), of those that were no miss
 * - `onsetToWord`: from the first sound of who cuts in to the end of their first
 *   word, which no recogniser knows sooner
 * - `onsetToDucked`: the same to where the agent was turned down, if it was
 * - `misses`: the agent did not give way within 2 s
 * - `falseStops`: it fell silent for a continuer, for good or until it resumed
 * - `stoppedForGood`: those of them after which it did not go on
 *
 * Arguments: people of each kind (100), seed (1), level of the echo against the
 * agent's voice in dB (none, as behind an echo canceller). Prints JSON, and tells each
 * miss and false stop by its words and voice. `bench/livekit/interruption.ts` does the
 * same over WebRTC.
 */
import { Clock, Effect, Layer, Stream } from "effect"
import { Agent, Audio, type Event, Llm, Pipeline, Session, Stt, Tts } from "effect-voice"
import * as LocalRoom from "effect-voice/Layers/LocalRoom"
import * as SileroVad from "effect-voice/Layers/SileroVad"
import { withOutput } from "../test/support/output.ts"
import { continuers, cutIns, format, hiss, randomFrom, say, story, summary, utter } from "./interruption/people.ts"
import { recogniser, wordsOf } from "./interruption/told.ts"

const people = Number(process.argv[2] ?? 100)
const seed = Number(process.argv[3] ?? 1)
const echo = process.argv[4] === undefined ? -Infinity : Number(process.argv[4])

const random = randomFrom(seed)

interface Utterance {
  readonly text: string
  readonly voice: string
  readonly audio: Audio.Frame
  /** Where its first sound lies in the call (ms). */
  readonly onset: number
  readonly end: number
  readonly at: number
}

/** How late a recogniser tells what it hears (ms). */
const delays = { interim: 150, final: 300 }

const agentVoice = say(story, ["flite", "kal"])
/** Length of a call (ms). */
const callMs = 16_000

const voice = Tts.make({
  name: "reader",
  sampleRate: format.sampleRate,
  channels: 1,
  speak: (text) =>
    Stream.concat(
      Stream.drain(text),
      Stream.fromIterable(Array.from({ length: Math.ceil(Audio.durationMs(agentVoice) / 500) }, (_, i) => ({
        frame: Audio.slice(agentVoice, i * 500, (i + 1) * 500)
      })))
    )
})

const agent = Agent.make({
  instructions: "You tell the story of the hotel.",
  onEnter: Session.Session.use((session) => session.say(story))
})

const model = Llm.make({
  name: "brief",
  reply: () => Stream.make({ _tag: "Text", text: "As you like." }, { _tag: "Finish" })
})

/** Somebody says it at a random time. */
const somebody = (texts: ReadonlyArray<string>, index: number): Utterance => {
  const { from, to, ...said } = utter(texts, index)
  const at = Math.round(5000 + random() * 3000)
  return { ...said, at, onset: at + from, end: at + to }
}

/** What the microphone hears: the caller, an echo of the agent, and noise. */
const microphone = ({ at, audio }: Utterance): Audio.Frame =>
  Audio.mix([
    hiss(callMs, random),
    // The agent begins with the call.
    ...(echo === -Infinity ? [] : [Audio.gain(Audio.slice(agentVoice, 0, callMs), echo)]),
    Audio.concat([Audio.silence(at, format), audio])
  ])

/** A room that tells when the agent's voice is lowered. */
const listening = (lowered: Array<number>) =>
  withOutput((output) => ({
    gain: (dB: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (dB < 0) lowered.push(now)
        return output.gain?.(dB) ?? Effect.void
      })
  }))

const call = (utterance: Utterance) =>
  Effect.gen(function*() {
    const events: Array<Event.Event> = []
    const lowered: Array<number> = []
    yield* Pipeline.run(agent, { onEvent: (event) => void events.push(event) }).pipe(Effect.provide(listening(lowered)))
    return { events, lowered }
  }).pipe(
    Effect.provide(Layer.provideMerge(
      Layer.mergeAll(
        SileroVad.layer(),
        Layer.succeed(Stt.Stt, recogniser(() => utterance, delays)),
        Layer.succeed(Llm.Llm, model),
        Layer.succeed(Tts.Tts, voice)
      ),
      LocalRoom.layer({ mode: "fast", participants: [{ identity: "caller", audio: microphone(utterance) }] })
    ))
  )

/** When the agent fell silent after the first sound, and whether it was for good. */
const judge = (
  utterance: Utterance,
  { events, lowered }: { readonly events: ReadonlyArray<Event.Event>; readonly lowered: ReadonlyArray<number> }
) => {
  const begun = events[0]?.at ?? 0
  const after = events.filter(({ at }) => at - begun >= utterance.onset)
  const quiet = after.find((event) =>
    event._tag === "AgentPaused" || (event._tag === "AgentStoppedSpeaking" && event.interrupted)
  )
  const ducked = lowered.find((at) => at - begun >= utterance.onset)
  return {
    utterance,
    silent: quiet === undefined ? undefined : quiet.at - begun - utterance.onset,
    ducked: ducked === undefined ? undefined : ducked - begun - utterance.onset,
    forGood: after.some((event) => event._tag === "AgentStoppedSpeaking" && event.interrupted)
  }
}

const hold = async (texts: ReadonlyArray<string>) => {
  const judged: Array<ReturnType<typeof judge>> = []
  for (let i = 0; i < people; i++) {
    const utterance = somebody(texts, i)
    judged.push(judge(utterance, await Effect.runPromise(call(utterance))))
  }
  return judged
}

const who = ({ forGood, silent, utterance: { text, voice } }: ReturnType<typeof judge>) => ({
  text,
  voice,
  silent,
  forGood
})

const cut = await hold(cutIns)
const listened = await hold(continuers)
const missed = cut.filter(({ forGood, silent }) => !forGood || silent === undefined || silent > 2000)
const given = cut.filter((one) => !missed.includes(one))
const stopped = listened.filter(({ silent }) => silent !== undefined)
const results = {
  onsetToSilent: { ...summary(given.flatMap(({ silent }) => silent ?? [])), aim: { p50: 350, p95: 650 } },
  onsetToWord: summary(given.map(({ utterance }) => wordsOf(utterance)[0]!.end - utterance.onset)),
  onsetToDucked: summary(given.flatMap(({ ducked }) => ducked ?? [])),
  misses: { count: missed.length, of: cut.length, aim: 2 * people / 100, which: missed.map(who) },
  falseStops: { count: stopped.length, of: listened.length, aim: 5 * people / 100, which: stopped.map(who) },
  stoppedForGood: stopped.filter(({ forGood }) => forGood).length
}
process.stdout.write(
  `${
    JSON.stringify(
      { bench: "interruption", people, seed, echo: echo === -Infinity ? "none" : echo, results },
      undefined,
      2
    )
  }\n`
)
