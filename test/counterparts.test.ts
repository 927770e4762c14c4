/**
 * `docs/coming-from.md` names what exists, and so do messages about options of other libraries: who is sent there must not
 * be sent to names of the past.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import * as Library from "effect-voice"
import { Agent, Event, type Session, Tools, Worker } from "effect-voice"
import * as Testing from "effect-voice/testing"
import * as fs from "node:fs"
import * as Counterparts from "../src/internal/options/counterparts.ts"

const page = fs.readFileSync(new URL("../docs/coming-from.md", import.meta.url), "utf8")
/** The code in the last cells of its tables. */
const ours = page.split("\n").filter((line) => line.startsWith("|")).flatMap((line) =>
  [...(line.split(" | ").at(-1) ?? "").matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
)

it.effect("names methods of a session that there are", () =>
  Effect.gen(function*() {
    let methods: ReadonlyArray<string> = []
    yield* Testing.scenario({
      at: [{ at: 0, do: (session: Session.Session["Service"]) => void (methods = Object.keys(session)) }]
    })
    const named = ours.flatMap((code) => [...code.matchAll(/\bsession\.(\w+)/g)].map(([, method]) => method!))
    assert.isAbove(named.length, 10)
    assert.deepStrictEqual(named.filter((method) => !methods.includes(method)), [])
  }))

it("names modules, layers and events that there are", () => {
  const events = Event.Event.members.map((member) => member.fields._tag.schema.literal as string)
  const layers = fs.readdirSync(new URL("../src/Layers", import.meta.url)).map((file) => file.replace(".ts", ""))
  const members = new Map(Object.entries({ ...Library, Testing }).map(([name, module]) => [name, Object.keys(module)]))
  const known = new Set([...events, ...layers, ...members.keys(), "Toolkit"])
  const others = new Set(["Stream.broadcast", "Text.Transform", "Room.sendDtmf"]) // of Effect, types, methods
  const named = ours.flatMap((code) => [...code.matchAll(/(?<![.\w])([A-Z]\w+)(?:\.(\w+))?/g)])
  assert.isAbove(named.length, 40)
  const wrong = named.filter(([whole, name, member]) =>
    !others.has(whole) && (!known.has(name!) || (member !== undefined && members.get(name!)?.includes(member) !== true))
  )
  assert.deepStrictEqual(wrong.map(([whole]) => whole), [])
})

describe("an option of another library is told with what to write here", () => {
  const run = async () => ""
  const thrown = (make: () => unknown) =>
    Effect.map(Effect.result(Effect.try({ try: make, catch: (error) => (error as Error).message })), Result.merge)
  const asked = (options: object): Effect.Effect<unknown> =>
    Effect.match(Testing.scenario({ user: [], options }), {
      onFailure: ({ message }) => message,
      onSuccess: () => ""
    })
  const said = (options: object): Effect.Effect<unknown> => {
    const agent = Agent.make({ instructions: "", onEnter: (session) => session.say("Hello.", options) })
    return Effect.map(Testing.scenario({ agent, user: [] }), ({ logs }) => logs.map(({ cause }) => cause).join()).pipe(
      Effect.orDie
    )
  }

  // With what each is given, and whether it takes nested options, which are then really there.
  it.effect.each(
    [
      ["Agent.make", Counterparts.ofAgents, (given) => thrown(() => Agent.make({ instructions: "", ...given }))],
      ["Pipeline.run", Counterparts.ofPipelines, asked],
      [
        "turn",
        Counterparts.ofTurn,
        (given) => thrown(() => Agent.make({ instructions: "", turn: { ...given } }))
      ],
      ["say", Counterparts.ofSpeeches, said],
      [
        "Worker.define",
        Counterparts.ofWorkers,
        (given) => thrown(() => Worker.define({ entry: () => Effect.void, layer: Layer.empty, ...given }))
      ],
      ["Tools.functions", Counterparts.ofTools, (given) => thrown(() => Tools.functions({ book: { run, ...given } }))]
    ] satisfies ReadonlyArray<
      readonly [string, Readonly<Record<string, string>>, (given: object) => Effect.Effect<unknown>]
    >
  )("%s", ([, names, make]) =>
    Effect.gen(function*() {
      for (const [there, advice] of Object.entries(names)) {
        assert.include(String(yield* make({ [there]: "x" })), `${there} is not known: ${advice}`)
        const [, path] = /^([\w.]+) may be meant$/.exec(advice) ?? []
        if (path === undefined) continue
        // Of an option that there is, a value that it does not take is refused, and not its name.
        const options = path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), Symbol("wrong"))
        assert.notInclude(String(yield* make(options as object)), "is not known")
      }
    }))
})
