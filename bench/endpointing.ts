/**
 * How often the agent cuts in, against how long it waits: fixed silence, dynamic
 * silence, the Smart Turn model, and the model with the words, over the same turns.
 *
 * The policy is `Turn.step` itself, with Silero's boundaries, a recogniser that tells
 * an interim 150 ms after each word and a final 100 ms after it is asked, and a model
 * that answers after 50 ms. Each of the four is run over a grid of its options; a
 * curve is what no other setting beats. A pause (100 ms and longer) is cut where the
 * floor was taken in it; a wait counts from the last sound, as its level tells it.
 *
 * - `atFixed600`: at the rate of cut-offs of 600 ms of fixed silence, the wait of each,
 *   and its share of that of fixed silence
 * - `at5Percent`: the same where no more than one pause in twenty is cut
 * - `default`: what the options' defaults do
 *
 * `node bench/endpointing.ts FOLDER [set …]`, with a folder that
 * `bench/endpointing/prepare.ts` has made, which says what its speech is and is not, or
 * that has `NAME.jsonl` in eot-bench's public format (see `bench/endpointing/rows.ts`).
 * `acted+g711-2` is a set through µ-law at 8 kHz with 2 % of the packets lost. Prints JSON.
 */
import { Effect } from "effect"
import { join, resolve } from "node:path"
import { Audio } from "../src/index.ts"
import { decodeMulaw, encodeMulaw } from "../src/internal/audio/g711.ts"
import * as SileroVad from "../src/Layers/SileroVad.ts"
import { frontier, type Point, pointOf, quickest, shareOf, wilson } from "./endpointing/curves.ts"
import { type Heard, listen, type Oracle, oracle } from "./endpointing/listener.ts"
import { hold, type Outcome, type Policy } from "./endpointing/policy.ts"
import { read, speech, type Turn } from "./endpointing/rows.ts"

const folder = resolve(process.argv[2] ?? "")
const sets = process.argv.length > 3
  ? process.argv.slice(3)
  : ["acted", ...[1, 2, 3].map((lost) => `acted+g711-${lost}`), "synthetic"]

/** One conversation learns from so many turns. */
const together = 20

/** As a telephone carries it: 8 kHz, µ-law, a share of the packets of 20 ms lost. */
const telephone = (turn: Turn, lost: number): Turn => {
  const narrow = Audio.converter({ to: { sampleRate: 8000, channels: 1 } })
  const { samples } = Audio.concat([...narrow.push([turn.audio]), ...narrow.flush()])
  const carried = decodeMulaw(encodeMulaw(samples))
  let state = 11
  for (let from = 0; from < carried.length; from += 160) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    if (state / 4_294_967_296 < lost) carried.fill(0, from, from + 160)
  }
  const audio = speech({ sampleRate: 8000, channels: 1, samples: carried })
  return { ...turn, id: `${turn.id} g711 ${lost}`, audio }
}

const turnsOf = (set: string): ReadonlyArray<Turn> => {
  const [name = "", line] = set.split("+")
  const turns = read(join(folder, `${name}.jsonl`))
  const lost = /^g711-(\d+)$/.exec(line ?? "")?.[1]
  return lost === undefined ? turns : turns.map((turn) => telephone(turn, Number(lost) / 100))
}

const silences = [200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1600, 2000]

const fixed = silences.map((minDelay): Policy => ({
  model: false,
  keen: minDelay < 500,
  words: false,
  options: { endpointing: { minDelay, maxDelay: Math.max(minDelay, 3000) } }
}))

const dynamic = silences.map((minDelay): Policy => ({
  model: false,
  keen: minDelay < 500,
  words: false,
  options: { endpointing: { mode: "dynamic", minDelay, maxDelay: Math.max(minDelay, 3000) } }
}))

const smart = (words: boolean): ReadonlyArray<Policy> =>
  [undefined, 0.5, 0.8, 0.95].flatMap((threshold) =>
    [200, 400, 600].flatMap((confidentDelay) =>
      [800, 1200, 1600, 2000].filter((least) => least >= confidentDelay).map((least): Policy => ({
        model: true,
        words,
        // A verdict that more is to come waits for 1.5 s, or `minDelay` where that is longer, and `maxDelay` at most.
        options: {
          endpointing: {
            threshold,
            confidentDelay,
            minDelay: least > 1500 ? least : Math.min(500, least),
            maxDelay: least
          }
        }
      }))
    )
  )

const settingOf = ({ options }: Policy): object =>
  Object.fromEntries(Object.entries(options.endpointing ?? {}).filter(([, value]) => value !== undefined))

const tryOut = async (heard: ReadonlyArray<Heard>, policy: Policy, asked: Oracle): Promise<Point> => {
  const outcomes: Array<Outcome> = []
  let endpointing: Awaited<ReturnType<typeof hold>>["endpointing"] | undefined
  for (const [i, turn] of heard.entries()) {
    const held = await hold(turn, policy, asked, i % together === 0 ? undefined : endpointing)
    outcomes.push(held.outcome)
    endpointing = policy.options.endpointing?.mode === "dynamic" ? held.endpointing : undefined
  }
  return pointOf(settingOf(policy), outcomes)
}

const round = (value: number, digits = 3): number => Number(value.toFixed(digits))

const measure = (set: string, asked: Oracle) =>
  Effect.gen(function*() {
    const turns = turnsOf(set)
    const heard = yield* Effect.forEach(turns, (turn) => listen(turn))
    // Less than the half second after which Silero's speech is over takes another setting of it.
    const keen = yield* Effect.forEach(turns, (turn) => listen(turn, { minSilence: 200 }))
    const pauses = turns.reduce((sum, turn) => sum + turn.pauses.length, 0)
    const all = async (policies: ReadonlyArray<Policy>): Promise<ReadonlyArray<Point>> => {
      const points: Array<Point> = []
      for (const policy of policies) points.push(await tryOut(policy.keen === true ? keen : heard, policy, asked))
      return points
    }
    const told = ({ cuts, setting, wait }: Point) => ({
      setting,
      cuts: round(cuts),
      interval: wilson(cuts, pauses).map((share) => round(share)),
      waitMs: Math.round(wait)
    })
    return yield* Effect.promise(async () => {
      const curves = {
        fixed: await all(fixed),
        dynamic: await all(dynamic),
        smartTurn: await all(smart(false)),
        smartTurnAndWords: await all(smart(true))
      }
      asked.save()
      const base = curves.fixed.find(({ setting }) => (setting as { minDelay?: number }).minDelay === 600)!
      const compare = (cuts: number, of: Point | undefined) =>
        of === undefined ? undefined : Object.fromEntries(
          Object.entries(curves).map(([name, points]) => {
            const best = quickest(points, cuts)
            if (best === undefined) return [name, undefined]
            const { interval, share } = shareOf(best, of)
            return [name, {
              ...told(best),
              shareOfWait: round(share),
              shareInterval: interval.map((value) => round(value))
            }]
          })
        )
      const defaults = async (model: boolean, words: boolean) =>
        told(await tryOut(heard, { model, words, options: {} }, asked))
      return {
        turns: turns.length,
        pauses,
        atFixed600: compare(base.cuts, base),
        at5Percent: compare(0.05, quickest(curves.fixed, 0.05)),
        default: {
          fixed: await defaults(false, false),
          fixedAndWords: await defaults(false, true),
          smartTurn: await defaults(true, false),
          smartTurnAndWords: await defaults(true, true)
        },
        curves: Object.fromEntries(
          Object.entries(curves).map(([name, points]) => [name, frontier(points).map(told)])
        )
      }
    })
  })

const results = await Effect.runPromise(
  Effect.scoped(Effect.gen(function*() {
    const asked = yield* oracle(join(folder, "answers.json"))
    const found: Record<string, unknown> = {}
    for (const set of sets) {
      found[set] = yield* measure(set, asked)
      asked.save()
    }
    return found
  })).pipe(Effect.provide(SileroVad.layer()))
)
process.stdout.write(`${JSON.stringify({ bench: "endpointing", node: process.version, ...results }, null, 2)}\n`)
