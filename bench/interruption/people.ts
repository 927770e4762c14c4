/**
 * Who cuts in, and who only shows that they listen: their words, synthesised by the programs espeak-ng and flite, twelve
 * voices in all. Hums are given to both by their sounds, drawn out: as text they spell the letters.
 */
import { Result } from "effect"
import { Audio } from "effect-voice"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const cutIns = [
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

export const continuers = [
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

/** What the agent reads aloud. */
export const story =
  "The hotel was built in the year nineteen hundred and four, by a captain who had seen all the seas. " +
  "He wanted a house from whose windows one could see the ships. The garden came later, and so did the tower. " +
  "Then there was a fire in the kitchen, and the whole east wing was built again from stone. " +
  "Since then every guest is given a small bell, which is rung at noon."

/** What the programs would spell, by its sounds: espeak's notation, and flite's. */
const hums: Readonly<Record<string, readonly [string, string]>> = {
  "Mm-hm.": ["[[m:,hm:]]", "pau m m hh m m pau"],
  "Mm-hm, mm-hm.": ["[[m,hm]], [[m,hm]]", "pau m hh m pau pau m hh m pau"]
}

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

export const format = { sampleRate: 16_000, channels: 1 }

export const say = (text: string, [program, voice]: readonly [string, string]): Audio.Frame => {
  const folder = mkdtempSync(join(tmpdir(), "interruption-"))
  try {
    const file = join(folder, "said.wav")
    const [forEspeak, forFlite] = hums[text] ?? []
    const args = program === "flite"
      ? ["-voice", voice, ...(forFlite === undefined ? ["-t", text] : ["-p", forFlite]), "-o", file]
      : ["-v", voice, "-w", file, forEspeak ?? text]
    execFileSync(program, args, { stdio: "ignore" })
    const spoken = Result.getOrThrow(Audio.decodeWav(readFileSync(file)))
    const converter = Audio.converter({ to: format })
    return Audio.concat([...converter.push([spoken]), ...converter.flush()])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Where 10 ms are a sound (dBFS). */
export const loud = -40

/** From where to where somebody is heard in it (ms). */
const sounds = (frame: Audio.Frame): { readonly from: number; readonly to: number } => {
  const isLoud = (i: number) => Audio.dbfs(Audio.slice(frame, i * 10, (i + 1) * 10)) > loud
  const windows = Math.floor(Audio.durationMs(frame) / 10)
  let from = 0
  while (from < windows && !isLoud(from)) from++
  let to = windows
  while (to > from && !isLoud(to - 1)) to--
  return { from: from * 10, to: to * 10 }
}

export interface Utterance {
  readonly text: string
  readonly voice: string
  readonly audio: Audio.Frame
  /** From where to where it is heard (ms of its audio). */
  readonly from: number
  readonly to: number
}

/** Each text in another voice, in turn. */
export const utter = (texts: ReadonlyArray<string>, index: number): Utterance => {
  const text = texts[index % texts.length]!
  const [program, name] = voices[index % voices.length]!
  const audio = say(text, [program, name])
  return { text, voice: `${program} ${name}`, audio, ...sounds(audio) }
}

/** Numbers from 0 to 1, the same for a seed. */
export const randomFrom = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

export const hiss = (ms: number, random: () => number): Audio.Frame => ({
  ...format,
  samples: Int16Array.from({ length: ms * 16 }, () => Math.round((random() - 0.5) * 40))
})

export const quantile = (all: ReadonlyArray<number>, q: number): number | undefined =>
  all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * q))]

export const summary = (all: ReadonlyArray<number>) => ({
  count: all.length,
  p50: quantile(all, 0.5),
  p95: quantile(all, 0.95)
})
