/** `docs/coming-from.md` names what exists: a page that others are sent to must not send them to names of the past. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Library from "effect-voice"
import { Event, type Session } from "effect-voice"
import * as Testing from "effect-voice/testing"
import * as fs from "node:fs"

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
