/**
 * Whether the agent falls silent when it should, and only then: 100 people who
 * cut in and 100 who only show that they listen, over an agent that reads aloud.
 *
 * Their speech is synthesised by the programs espeak-ng and flite, twelve voices
 * in all, and lies over some noise and, where it is asked for, an echo of the agent.
 * Hums are given to both by their sounds, drawn out: as text they spell the letters.
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
 * miss and false stop by its words and voice.
 */
import { Clock, Effect, Layer, Result, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Agent, Audio, type Event, Llm, Pipeline, Room, Session, Stt, Tts } from "../src/index.ts"
import * as LocalRoom from "../src/Layers/LocalRoom.ts"
import * as SileroVad from "../src/Layers/SileroVad.ts"

const people = Number(process.argv[2] ?? 100)
const seed = Number(process.argv[3] ?? 1)
const echo = process.argv[4] === undefined ? -Infinity : Number(process.argv[4])

const cutIns = [
  "Stop.",
  "Wait.",
  "No.",
  "Stop, please.",
  "Wait, wait.",
  "Hold on a second, that is wrong.",
  "No, not that one.",
  "Excuse me, I have a question.",
  "Can I ask you something?",
  "Actually, make it two.",
  "What about tomorrow?",
  "That is not what I said.",
  "Cancel that.",
  "But I said Friday.",
  "Not Monday, Tuesday.",
  "How much is it?",
  "Help!",
  "Quiet!",
  "I want to speak to somebody.",
  "Please stop talking."
]

const continuers = [
  "Mm-hm.",
  "Uh-huh.",
  "Yeah.",
  "Okay.",
  "Right.",
  "I see.",
  "Sure.",
  "Yes.",
  "Mm-hm, mm-hm.",
  "Yeah, yeah."
]

/** What the programs would spell, by its sounds: espeak's notation, and flite's. */
const hums: Readonly<Record<string, readonly [string, string]>> = {
  "Mm-hm.": ["[[m:,hm:]]", "pau m m hh m m pau"],
  "Mm-hm, mm-hm.": ["[[m,hm]], [[m,hm]]", "pau m hh m pau pau m hh m pau"]
}

const story = "The hotel was built in the year nineteen hundred and four, by a captain who had seen all the seas. " +
  "He wanted a house from whose windows one could see the ships. The garden came later, and so did the tower. " +
  "Then there was a fire in the kitchen, and the whole east wing was built again from stone. " +
  "Since then every guest is given a small bell, which is rung at noon."

const espeak = [
  "en-us+m1",
  "en-us+m3",
  "en-us+m7",
  "en-us+f1",
  "en-us+f2",
  "en-us+f4",
  "en-gb+m2",
  "en-gb+f3",
  "en-gb+f5"
]
const voices = [...espeak.map((name) => ["espeak-ng", name] as const), ["flite", "slt"], ["flite", "rms"], [
  "flite",
  "awb"
]] as const

const folder = mkdtempSync(join(tmpdir(), "interruption-"))
const format = { sampleRate: 16_000, channels: 1 }

const say = (text: string, [program, voice]: readonly [string, string]): Audio.Frame => {
  const file = join(folder, "said.wav")
  const [forEspeak, forFlite] = hums[text] ?? []
  const args = program === "flite"
    ? ["-voice", voice, ...(forFlite === undefined ? ["-t", text] : ["-p", forFlite]), "-o", file]
    : ["-v", voice, "-w", file, forEspeak ?? text]
  execFileSync(program, args, { stdio: "ignore" })
  const spoken = Result.getOrThrow(Audio.decodeWav(readFileSync(file)))
  const converter = Audio.converter({ to: format })
  return Audio.concat([...converter.push([spoken]), ...converter.flush()])
}

/** From where to where somebody is heard in it (ms). */
const sounds = (frame: Audio.Frame): { readonly from: number; readonly to: number } => {
  const loud = (i: number) => Audio.dbfs(Audio.slice(frame, i * 10, (i + 1) * 10)) > -40
  const windows = Math.floor(Audio.durationMs(frame) / 10)
  let from = 0
  while (from < windows && !loud(from)) from++
  let to = windows
  while (to > from && !loud(to - 1)) to--
  return { from: from * 10, to: to * 10 }
}

let state = seed >>> 0
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 4_294_967_296
}

const hiss = (ms: number): Audio.Frame => ({
  ...format,
  samples: Int16Array.from({ length: ms * 16 }, () => Math.round((random() - 0.5) * 40))
})

interface Utterance {
  readonly text: string
  readonly voice: string
  readonly audio: Audio.Frame
  /** Where its first sound lies in the call (ms). */
  readonly onset: number
  readonly end: number
  readonly at: number
}

/** The words with their times in the call, each as long as its letters are many. */
const wordsOf = ({ end, onset, text }: Utterance): ReadonlyArray<Stt.Word> => {
  const words = text.split(" ")
  const letters = words.reduce((sum, word) => sum + word.length, 0)
  let sum = 0
  return words.map((word) => {
    const start = onset + (end - onset) * sum / letters
    sum += word.length
    return { text: word, start, end: onset + (end - onset) * sum / letters }
  })
}

/** A recogniser that knows what is said, and tells it as soon as the published ones do. */
const recogniser = (utterance: Utterance) =>
  Stt.make({
    name: "streaming",
    interims: true,
    transcribe: (audio) => {
      const { end, onset } = utterance
      const timed = wordsOf(utterance)
      const words = timed.map(({ text }) => text)
      const transcript = (count: number, final: boolean): Stt.Transcript => ({
        text: words.slice(0, count).join(" "),
        final,
        language: "en",
        start: onset,
        end: timed[count - 1]!.end,
        words: timed.slice(0, count)
      })
      const due = [
        ...timed.flatMap((word, i) => {
          const from = word.end + 150
          const to = (timed[i + 1]?.end ?? end + 150) + 150
          return Array.from({ length: Math.max(1, Math.ceil((to - from) / 100)) }, (_, k) => ({
            at: from + k * 100,
            transcript: transcript(i + 1, false)
          }))
        }).filter(({ at }) => at < end + 300),
        { at: end + 300, transcript: transcript(words.length, true) }
      ]
      let now = 0
      let next = 0
      return Stream.flattenIterable(Stream.map(audio, (input) => {
        if ("_tag" in input) return next >= due.length ? [{ text: "", final: true }] : []
        now += Audio.durationMs(input)
        const out: Array<Stt.Transcript> = []
        while (next < due.length && due[next]!.at <= now) out.push(due[next++]!.transcript)
        return out
      }))
    }
  })

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

const utter = (text: string, index: number): Utterance => {
  const [program, name] = voices[index % voices.length]!
  const audio = say(text, [program, name])
  const { from, to } = sounds(audio)
  const at = Math.round(5000 + random() * 3000)
  return { text, voice: `${program} ${name}`, audio, at, onset: at + from, end: at + to }
}

/** What the microphone hears: the caller, an echo of the agent, and noise. */
const microphone = ({ at, audio }: Utterance): Audio.Frame =>
  Audio.mix([
    hiss(callMs),
    // The agent begins with the call.
    ...(echo === -Infinity ? [] : [Audio.gain(Audio.slice(agentVoice, 0, callMs), echo)]),
    Audio.concat([Audio.silence(at, format), audio])
  ])

/** A room that tells when the agent's voice is lowered. */
const listening = (lowered: Array<number>) =>
  Layer.effect(
    Room.Room,
    Room.Room.useSync((room) =>
      Room.Room.of({
        ...room,
        output: (options) =>
          Effect.map(room.output(options), (output) => ({
            ...output,
            gain: (dB: number) =>
              Effect.flatMap(Clock.currentTimeMillis, (now) => {
                if (dB < 0) lowered.push(now)
                return output.gain?.(dB) ?? Effect.void
              })
          }))
      })
    )
  )

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
        Layer.succeed(Stt.Stt, recogniser(utterance)),
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
    const utterance = utter(texts[i % texts.length]!, i)
    judged.push(judge(utterance, await Effect.runPromise(call(utterance))))
  }
  return judged
}

const quantile = (all: ReadonlyArray<number>, q: number): number | undefined =>
  all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * q))]

const summary = (all: ReadonlyArray<number>) => ({
  count: all.length,
  p50: quantile(all, 0.5),
  p95: quantile(all, 0.95)
})

const who = ({ forGood, silent, utterance: { text, voice } }: ReturnType<typeof judge>) => ({
  text,
  voice,
  silent,
  forGood
})

try {
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
} finally {
  rmSync(folder, { recursive: true })
}
