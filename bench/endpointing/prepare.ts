/**
 * Brings the speech that `bench/endpointing.ts` measures into a folder, outside of
 * the repository: `node bench/endpointing/prepare.ts FOLDER [lines]`. Then
 * `words.py FOLDER` may find the words of the first kind; those of the second are known.
 *
 * `acted`: dialogue of the adventure game “Flight of the Amazon Queen” (1995, Debian's
 * package `flight-of-the-amazon-queen`, freeware that may be distributed and changed):
 * dozens of actors, English, MP3 of 16 kbit/s at 11 kHz. Where they pause is theirs: the
 * silences of 100 ms and more in a recording, and between the recordings of which one
 * line consists. How long is not, for the game cuts its silences: lengths are drawn
 * from what eot-bench tells of callers (56 % of pauses are longer than 300 ms, 22 % than
 * 600, 10 % than a second, 5 % than 1.6 s), and a pause never becomes shorter than it was.
 * So it is performed conversation with real pauses in it, not spontaneous speech.
 *
 * `synthetic`: sentences by espeak-ng and flite, each whole, and each cut at a comma or
 * a conjunction, with a pause there.
 *
 * Needs `apt-get`, `dpkg-deb`, `mpg123`, `espeak-ng` and `flite`.
 */
import { Result } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Audio } from "../../src/index.ts"
import { speech } from "./rows.ts"
import { sounds } from "./sounds.ts"

const folder = resolve(process.argv[2] ?? "")
const lines = Number(process.argv[3] ?? 300)
if (process.argv[2] === undefined) throw new Error("say which folder: node bench/endpointing/prepare.ts FOLDER [lines]")
mkdirSync(join(folder, "audio"), { recursive: true })

let state = 7
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 4_294_967_296
}

/** How many pauses are longer than so many ms; between them the logarithm is straight. */
const longer = [[100, 1], [300, 0.556], [600, 0.217], [1000, 0.1], [1600, 0.05], [3000, 0.01]] as const

const drawLength = (): number => {
  const share = Math.max(0.01, random())
  const at = longer.findIndex(([, left]) => left <= share)
  const [low, high] = [longer[Math.max(0, at - 1)]!, longer[Math.max(1, at)]!]
  const part = (Math.log(low[1]) - Math.log(share)) / (Math.log(low[1]) - Math.log(high[1]))
  return low[0] + part * (high[0] - low[0])
}

const wavOf = (file: string): Audio.Frame => speech(Result.getOrThrow(Audio.decodeWav(readFileSync(file))))

/** A silence of the same room: what lies around its middle, there and back again. */
const stretched = (quiet: Audio.Frame, ms: number): Audio.Frame => {
  const { samples } = quiet
  const size = Math.round(ms * 16)
  if (size <= samples.length) return quiet
  const middle = samples.slice(Math.floor(samples.length * 0.4), Math.max(2, Math.ceil(samples.length * 0.6)))
  const period = Math.max(1, 2 * (middle.length - 1))
  const filled = Int16Array.from({ length: size - samples.length }, (_, i) => {
    const k = i % period
    return middle[k < middle.length ? k : period - k] ?? 0
  })
  const half = Math.floor(samples.length / 2)
  return Audio.concat([
    { ...quiet, samples: samples.slice(0, half) },
    { ...quiet, samples: filled },
    { ...quiet, samples: samples.slice(half) }
  ])
}

/** Speech with each of its silences as long as a caller's, where they lie, and where its words then are (s). */
const paced = (
  audio: Audio.Frame,
  words: ReadonlyArray<{ readonly word: string; readonly from: number; readonly to: number }> = []
) => {
  const parts: Array<Audio.Frame> = []
  const spans: Array<{ readonly start: number; readonly end: number }> = []
  const voiced = sounds(audio)
  /** What each sound was moved by (s). */
  const moved: Array<number> = []
  let now = 0
  const push = (frame: Audio.Frame): void => {
    parts.push(frame)
    now += Audio.durationMs(frame) / 1000
  }
  push(Audio.slice(audio, 0, voiced[0]!.from))
  voiced.forEach(({ from, to }, i) => {
    moved.push(now - from / 1000)
    push(Audio.slice(audio, from, to))
    const next = voiced[i + 1]
    const start = now
    push(
      next === undefined ? Audio.slice(audio, to, to + 200) : stretched(Audio.slice(audio, to, next.from), drawLength())
    )
    spans.push({ start, end: now })
  })
  const at = (ms: number, i: number): number => ms / 1000 + (moved[i] ?? 0)
  return {
    audio: Audio.concat(parts),
    spans,
    words: words.map(({ from, to, word }) => {
      const i = Math.max(0, voiced.findLastIndex((sound) => sound.from <= (from + to) / 2))
      return { word, start: at(from, i), end: at(Math.min(to, voiced[i]?.to ?? to), i) }
    })
  }
}

/** Words of a text that is spoken from a time on, each as long as its letters. */
const spread = (text: string, from: number, to: number) => {
  const words = text.split(" ")
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0)
  let now = from
  return words.map((word) => {
    const start = now
    now += (to - from) * (word.length + 1) / letters
    return { word, from: start, to: now }
  })
}

const save = (id: string, audio: Audio.Frame, rest: object): string => {
  const path = join("audio", `${id}.wav`)
  writeFileSync(join(folder, path), Audio.encodeWav(audio))
  return JSON.stringify({ id, language: "en", audio: { path }, ...rest })
}

// What was acted.

const archive = join(folder, "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c")
if (!existsSync(archive)) {
  execFileSync("apt-get", ["download", "flight-of-the-amazon-queen"], { cwd: folder, stdio: "inherit" })
  const deb = readdirSync(folder).find((name) => name.startsWith("flight-of-the-amazon-queen"))!
  execFileSync("dpkg-deb", ["-x", join(folder, deb), folder])
}
const bytes = readFileSync(archive)

// "QTBL", a version, a kind of compression, and a table: a name of 12 letters, a byte, offset and size.
const recordings = new Map<string, Array<{ readonly name: string; readonly mp3: Uint8Array }>>()
for (let i = 0, at = 15; i < bytes.readUInt16BE(13); i++, at += 21) {
  const name = bytes.toString("latin1", at, at + 12).replaceAll("\0", "")
  if (!/^.{8}\.SB$/.test(name)) continue
  const from = bytes.readUInt32BE(at + 13)
  const mp3 = bytes.subarray(from, from + bytes.readUInt32BE(at + 17))
  recordings.set(name.slice(0, 7), [...(recordings.get(name.slice(0, 7)) ?? []), { name, mp3 }])
}

const decoded = (mp3: Uint8Array): Audio.Frame => {
  const raw = execFileSync("mpg123", ["-q", "-m", "-r", "16000", "-s", "-"], { input: mp3, maxBuffer: 1 << 26 })
  const samples = new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength - raw.byteLength % 2))
  return { ...Audio.speech, samples }
}

const names = [...recordings.keys()].sort()
for (let i = names.length - 1; i > 0; i--) {
  const j = Math.floor(random() * (i + 1))
  const [a, b] = [names[i]!, names[j]!]
  names[i] = b
  names[j] = a
}
const acted: Array<string> = []
for (const name of names) {
  if (acted.length === lines) break
  const audio = Audio.concat(
    recordings.get(name)!.toSorted((a, b) => a.name < b.name ? -1 : 1).map(({ mp3 }) => decoded(mp3))
  )
  const voiced = sounds(audio)
  const first = voiced[0]
  // Shouts and music are left out: a turn is a second of voice at least.
  if (first === undefined || voiced.at(-1)!.to - first.from < 1000 || Audio.durationMs(audio) > 20_000) continue
  const { audio: long, spans } = paced(audio)
  acted.push(save(`acted-${name}`, long, { silence_spans: spans }))
}
writeFileSync(join(folder, "acted.jsonl"), `${acted.join("\n")}\n`)

// What is synthesised.

const halves = [
  ["I would like to book a table", "for four people on Friday evening."],
  ["My order number is on the receipt,", "but I cannot find it right now."],
  ["Could you tell me", "when the next train to Boston leaves?"],
  ["I was thinking about", "maybe changing the appointment to Tuesday."],
  ["The thing is that", "my card was declined twice yesterday."],
  ["We arrive at the airport at nine, and", "we need a car for three days."],
  ["I want to cancel the", "second item of my order."],
  ["If it is possible,", "I would rather speak to a person."],
  ["So basically what happened is", "the parcel never came."],
  ["Please send it to", "my office instead of my home."],
  ["I called last week because", "the heating does not work."],
  ["Is it true that", "the pool is closed in winter?"],
  ["We have two children and", "one of them is allergic to nuts."],
  ["Let me look at my", "calendar for a second."],
  ["I think it was", "around the end of March."],
  ["The room should have", "a view of the sea."],
  ["You know, my brother", "stayed with you last summer."],
  ["Do you have anything", "a little bit cheaper than that?"],
  ["I paid with a voucher, which", "I got for my birthday."],
  ["It would be great if", "somebody could call me back."]
] as const

const voices = [
  ["espeak-ng", "en-us+m3"],
  ["espeak-ng", "en-us+f2"],
  ["espeak-ng", "en-gb+m2"],
  ["flite", "slt"],
  ["flite", "rms"],
  ["flite", "awb"]
] as const

const say = (text: string, [program, voice]: typeof voices[number]): Audio.Frame => {
  const file = join(folder, "said.wav")
  execFileSync(
    program,
    program === "flite" ? ["-voice", voice, "-t", text, "-o", file] : ["-v", voice, "-w", file, text]
  )
  const audio = wavOf(file)
  const voiced = sounds(audio)
  return Audio.slice(audio, voiced[0]!.from, voiced.at(-1)!.to)
}

const quiet = Audio.silence(150, Audio.speech)
const synthetic = voices.flatMap((voice) =>
  halves.flatMap(([before, after], i) => {
    const [first, second] = [say(before.replace(/[^,]$/, "$&,"), voice), say(after, voice)]
    const all = say(`${before} ${after}`, voice)
    const [length, rest, total] = [Audio.durationMs(first), Audio.durationMs(second), Audio.durationMs(all)]
    const cut = paced(
      Audio.concat([quiet, first, quiet, second, Audio.silence(300, Audio.speech)]),
      [...spread(before, 150, 150 + length), ...spread(after, 300 + length, 300 + length + rest)]
    )
    const whole = paced(
      Audio.concat([quiet, all, Audio.silence(300, Audio.speech)]),
      spread(`${before} ${after}`, 150, 150 + total)
    )
    const id = `synthetic-${voice.join("-").replaceAll("+", "-")}-${i}`
    return [
      save(`${id}-cut`, cut.audio, { silence_spans: cut.spans, words: cut.words }),
      save(`${id}-whole`, whole.audio, { silence_spans: whole.spans, words: whole.words })
    ]
  })
)
writeFileSync(join(folder, "synthetic.jsonl"), `${synthetic.join("\n")}\n`)
process.stdout.write(`${JSON.stringify({ folder, acted: acted.length, synthetic: synthetic.length })}\n`)
