/** What `ARCHITECTURE.md` says of turn-taking, against what `Turn.step` does. */
import { assert, describe, it } from "@effect/vitest"
import { Turn } from "effect-voice"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import { thorough } from "./support/thorough.ts"
import { signals, tagsOfSignals, wander } from "./support/turn.ts"

const map = readFileSync(fileURLToPath(new URL("../ARCHITECTURE.md", import.meta.url)), "utf8")
const section = map.slice(map.indexOf("## Turn-taking"), map.indexOf("## Decisions"))
const lines = section.split("\n").filter((line) => line.startsWith("| ")).map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim())
)
const names = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
const rows = lines.filter((cells) => cells.length === 7 && names(cells[0]!).length === 1)
const listed = lines.filter((cells) => cells.length === 2).flatMap(([, cell]) => names(cell!))

const actions: { readonly [Tag in Turn.Action["_tag"]]: true } = {
  Publish: true,
  CommitTurn: true,
  KeepWords: true,
  SetAside: true,
  TurnLimit: true,
  Away: true,
  AskDetector: true,
  Judge: true,
  Finalize: true,
  LastWords: true,
  StartReply: true,
  Speculate: true,
  Authorize: true,
  Begin: true,
  Fill: true,
  Play: true,
  Tell: true,
  Duck: true,
  Restore: true,
  Pause: true,
  Resume: true,
  Stop: true,
  Refuse: true,
  Settle: true,
  Escalate: true,
  Closing: true,
  Finish: true
}

const situations = ["starting", "silent", "voice", "draining", "closed"] as const
type Situation = (typeof situations)[number]

/** What the table says of a signal; `as open` is what stands in the column of an open session. */
const cellOf = (tag: string, situation: Situation, voice: boolean): string => {
  const cells = rows.find(([name]) => name === `\`${tag}\``)!
  const cell = cells[2 + situations.indexOf(situation)]!
  return cell.startsWith("as open") ? cellOf(tag, voice ? "voice" : "silent", voice) : cell
}

const keyOf = (tag: string, situation: Situation, voice: boolean): string =>
  `${tag}, ${situation}${voice ? ", with a voice" : ""}`

/** Whether there may be a voice. */
const voices: Readonly<Record<Situation, ReadonlyArray<boolean>>> = {
  starting: [false, true],
  silent: [false],
  voice: [true],
  draining: [false, true],
  closed: [false]
}

describe("the table of turn-taking", () => {
  it("has a row for each signal, and no other", () => {
    assert.deepStrictEqual(rows.map(([cell]) => names(cell!)[0]!).toSorted(), tagsOfSignals.toSorted())
  })

  it("names each action once, and no other", () => {
    assert.deepStrictEqual(listed.toSorted(), Object.keys(actions).toSorted())
  })

  it("says of each signal when it is ignored, and when it is not", () => {
    // Told of a speech that is not there: nothing but the time has an effect.
    const nothing: Turn.Signal = { _tag: "Starved", speech: "nobody at all", starved: true }
    const unseen = new Set(
      tagsOfSignals.flatMap((tag) =>
        situations.flatMap((situation) =>
          voices[situation].filter((voice) => cellOf(tag, situation, voice) !== "–")
            .map((voice) => keyOf(tag, situation, voice))
        )
      )
    )
    // What must not happen is looked for in so many conversations; what must, in as many as it takes.
    for (let seed = 1; seed <= (thorough ? 500 : 100) || (unseen.size > 0 && seed <= 5000); seed++) {
      wander(seed, (state, now, dice) => {
        const status = Turn.status(state)
        const voice = state.user.voice._tag !== "Silent"
        const situation = status === "open" ? (voice ? "voice" : "silent") : status
        const idle = Turn.step(state, now, nothing)
        for (const tag of tagsOfSignals) {
          const key = keyOf(tag, situation, voice)
          const ignored = cellOf(tag, situation, voice) === "–"
          if (!ignored && !unseen.has(key)) continue
          const signal = signals[tag](dice, now, state)
          if (isDeepStrictEqual(Turn.step(state, now, signal), idle)) continue
          if (ignored) assert.fail(`seed ${seed}: ${JSON.stringify(signal)} is not ignored while ${situation}`)
          unseen.delete(key)
        }
      })
    }
    assert.deepStrictEqual([...unseen], [], "the table says that these have an effect")
  })
})

describe("any conversation", () => {
  it("has done within three ticks whatever is due", () => {
    for (let seed = 1; seed <= 400; seed++) {
      wander(seed, (reached, now) => {
        let state = reached
        for (let i = 0; i < 3; i++) state = Turn.step(state, now, { _tag: "Tick" })[0]
        assert.isAbove(Turn.deadline(state) ?? Infinity, now, `seed ${seed}`)
      })
    }
  })
})
