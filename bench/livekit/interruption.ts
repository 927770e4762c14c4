/**
 * Whether the agent falls silent when it should over WebRTC, as its callers hear it: what
 * `bench/interruption.ts` measures with a Clock that is the audio, on a real server and by the real clock.
 *
 * The people and their words are the same. Their audio goes through Opus, the server and two jitter buffers; the
 * recogniser finds the beginning of what they say in what arrives. It tells a word 150 ms after it, and the final
 * transcript 247 ms after the voice, each by the median of a logarithmic normal distribution with 95 % within 121 %,
 * as Deepgram's nova-3 needs by Pipecat's `stt-benchmark`. The agent reads over a faint tone: so a caller knows a
 * pause of its breath from silence.
 *
 * - `onsetToSilent`: from the first loud 10 ms that leave the caller's microphone to the last of the agent's that
 *   they hear (ms), of those who cut in and were no miss
 * - `there`, `decided`, `back`: its parts: until the recogniser has the first sound, until the agent is silenced at the
 *   room's output, and until the caller hears nothing of it any more
 * - `misses`: the agent did not give way within 2 s
 * - `wentOnBetween`: those who cut in and heard the agent go on in between
 * - `falseStops`: the agent was silenced for a continuer, and the caller heard it; `unheardStops`: they did not
 * - `stoppedForGood`: those of them after which it did not go on
 * - `dropouts`: silences of 70 ms or more that the agent knows nothing of: those are the line's, or the machine's
 * - `alone`: calls to which no agent came
 *
 * Needs `npm run build`, espeak-ng, flite and a LiveKit server (see `test/livekit/support/launch.ts`). Arguments:
 * people of each kind (100), seed (1), calls at a time (8). Prints JSON.
 */
import { Audio } from "effect-voice"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { launch } from "../../test/livekit/support/launch.ts"
import { continuers, cutIns, format, randomFrom, say, story, summary, utter } from "../interruption/people.ts"
import type { Listeners } from "./listeners.ts"
import type { Course, Heard, Person, Story } from "./person.ts"
import { kill, killTree, phase, start } from "./processes.ts"

const people = Number(process.argv[2] ?? 100)
const seed = Number(process.argv[3] ?? 1)
const atOnce = Number(process.argv[4] ?? 8)

const random = randomFrom(seed)
const folder = mkdtempSync(join(tmpdir(), "callers-"))
const write = (name: string, content: Person | Story) =>
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(content))

const sigma = Math.log(298 / 247) / 1.645
const drawn = (medianMs: number): number =>
  medianMs * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))

/** RMS of about −35 dBFS. */
const tone = (ms: number): Audio.Frame => ({
  ...format,
  samples: Int16Array.from({ length: ms * 16 }, (_, i) => Math.round(820 * Math.sin(2 * Math.PI * 3000 * i / 16_000)))
})
const read = say(story, ["flite", "kal"])
write("story", { text: story, samples: [...Audio.mix([read, tone(Math.floor(Audio.durationMs(read)))]).samples] })

const kinds = { cutIn: cutIns, continuer: continuers }
type Kind = keyof typeof kinds
const roomOf = (kind: Kind, index: number): string => `interruption-${kind}-${index}`
const all = (["cutIn", "continuer"] as const).flatMap((kind) =>
  Array.from({ length: people }, (_, index) => {
    const { audio, from, text, to, voice } = utter(kinds[kind], index)
    const room = roomOf(kind, index)
    write(room, {
      text,
      from,
      to,
      // Past the agent's first three seconds, in which nothing interrupts.
      at: Math.round(3500 + random() * 2000),
      delays: { interim: drawn(150), final: drawn(247) },
      samples: [...audio.samples]
    })
    return { kind, room, text, voice }
  })
)

const server = await launch()
const before = loadavg()[0]!
const reader = start("reader.ts", {
  NODE_OPTIONS: "--max-semi-space-size=16",
  LIVEKIT_URL: server.url,
  LIVEKIT_API_KEY: server.key,
  LIVEKIT_API_SECRET: server.secret,
  BENCH_PEOPLE: folder
})
const listeners = start("listeners.ts")
try {
  await Promise.all([phase(reader, "ready"), phase(listeners, "ready")])
  const ended = phase(listeners, "end")
  const { key, secret, url } = server
  const job: Listeners = { url, key, secret, folder, atOnce, agentName: "bench", rooms: all.map(({ room }) => room) }
  listeners.send(job)
  const heard = (await ended).result as Record<string, Heard>
  const told = phase(reader, "courses")
  reader.send("courses")
  const courses = (await told).result as Record<string, Course>

  const judged = all.map(({ kind, room, text, voice }) => {
    const { alone, endAt, gaps, lastAt, onsetAt, throughout } = heard[room]!
    const { endedAt = Infinity, onsetAt: thereAt, silencedAt = [] } = courses[room] ?? {}
    const interrupted = endedAt < endAt
    const later = gaps.filter(({ at, ms }) => at + ms > onsetAt)
    const silenced = silencedAt.filter((at) => at > onsetAt && at < endAt)
    const since = (from: number | undefined, to: number | undefined) =>
      from === undefined || to === undefined ? undefined : Math.round(to - from)
    return {
      kind,
      text,
      voice,
      alone,
      silent: throughout ? undefined : since(onsetAt, lastAt),
      stopped: silenced.length > 0 && (!throughout || later.length > 0),
      unheard: silenced.length > 0 && throughout && later.length === 0,
      interrupted,
      pauses: later.map(({ ms }) => ms),
      there: since(onsetAt, thereAt),
      decided: since(thereAt, silenced.at(0)),
      back: since(silenced.at(0), lastAt),
      dropouts: [...gaps.filter((gap) => !later.includes(gap)), ...silenced.length > 0 ? [] : later]
    }
  })
  const present = judged.filter(({ alone }) => !alone)
  const cut = present.filter(({ kind }) => kind === "cutIn")
  const listened = present.filter(({ kind }) => kind === "continuer")
  const missed = cut.filter(({ silent }) => silent === undefined || silent > 2000)
  const given = cut.filter((one) => !missed.includes(one))
  const stopped = listened.filter((one) => one.stopped)
  const paused = cut.filter(({ pauses, stopped }) => stopped && pauses.length > 0)
  const of = (which: "silent" | "there" | "decided" | "back") => summary(given.flatMap((one) => one[which] ?? []))
  const who = ({ interrupted, pauses, silent, text, voice }: typeof judged[number]) => ({
    text,
    voice,
    silent,
    pauses,
    interrupted
  })
  const dropouts = present.flatMap((one) => one.dropouts)
  const results = {
    onsetToSilent: { ...of("silent"), aim: { p50: 350, p95: 650 } },
    there: of("there"),
    decided: of("decided"),
    back: of("back"),
    misses: { count: missed.length, of: cut.length, aim: 2 * people / 100, which: missed.map(who) },
    wentOnBetween: paused.map(who),
    falseStops: { count: stopped.length, of: listened.length, aim: 5 * people / 100, which: stopped.map(who) },
    unheardStops: listened.filter(({ unheard }) => unheard).length,
    stoppedForGood: stopped.filter(({ interrupted }) => interrupted).length,
    dropouts: {
      calls: present.filter((one) => one.dropouts.length > 0).length,
      atTheBeginning: dropouts.filter(({ after }) => after < 500).length,
      ms: summary(dropouts.map(({ ms }) => ms))
    },
    alone: judged.length - present.length
  }
  const load = { before, after: loadavg()[0] }
  const bench = "livekit/interruption"
  process.stdout.write(`${JSON.stringify({ bench, people, seed, atOnce, load, results }, undefined, 2)}\n`)
} finally {
  await kill(listeners)
  await killTree(reader)
  await server.stop()
  rmSync(folder, { recursive: true })
}
