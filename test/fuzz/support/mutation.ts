/** Random and mutated inputs: the same seed gives the same input. */
import { Config, Effect } from "effect"

const number = (name: string, usual: number) => Effect.runSync(Config.Int(name).pipe(Config.withDefault(usual)))

/** How many inputs each decoder gets. */
export const inputs = number("EFFECT_VOICE_FUZZ", 10_000)

/** Where the seeds begin; a failure prints its own, which alone gives it again with `EFFECT_VOICE_FUZZ=1`. */
export const firstSeed = number("EFFECT_VOICE_FUZZ_SEED", 1)

/** A source of chance. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) >>> 0
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  of<A>(all: ReadonlyArray<A>): A {
    return all[this.below(all.length)]!
  }

  is(share: number): boolean {
    return this.next() < share
  }

  bytes(most: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: this.below(most + 1) }, () => this.below(256))
  }

  text(most: number): string {
    return String.fromCharCode(
      ...Array.from({ length: this.below(most + 1) }, () => this.is(0.8) ? 32 + this.below(95) : this.below(65_536))
    )
  }
}

const nested = (depth: number): unknown =>
  depth === 0 ? "deep" : depth % 2 === 0 ? [nested(depth - 1)] : { inner: nested(depth - 1) }

/** What stands where something else should. */
const junk = (chance: Chance): unknown =>
  chance.of<() => unknown>([
    () => null,
    () => true,
    () => -1,
    () => 0.5,
    () => 1e308,
    () => -0,
    () => Number.MAX_SAFE_INTEGER,
    () => "",
    () => chance.text(40),
    () => "\ud800",
    () => "x".repeat(5000),
    () => [],
    () => ({}),
    () => [null, {}, [], "", 1],
    () => ({ length: -1, type: "x", toString: 1, constructor: null }),
    () => nested(200),
    () => ({ "__proto__x": 1, error: { code: chance.text(9), message: null }, id: 7 })
  ])()

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** Changes one place of a value, somewhere in it. */
const changed = (value: unknown, chance: Chance): unknown => {
  if (!isRecord(value) || chance.is(0.15)) return junk(chance)
  const names = Object.keys(value)
  if (names.length === 0) return junk(chance)
  const name = chance.of(names)
  if (Array.isArray(value)) {
    const copy: Array<unknown> = [...value]
    const at = Number(name)
    const kind = chance.next()
    if (kind < 0.15) copy.splice(at, 1)
    else if (kind < 0.3) copy.push(copy[at], copy[at])
    else copy[at] = changed(copy[at], chance)
    return copy
  }
  const copy = { ...value }
  const kind = chance.next()
  if (kind < 0.2) delete copy[name]
  else if (kind < 0.3) copy[chance.text(8)] = copy[name]
  else copy[name] = changed(copy[name], chance)
  return copy
}

/** A value with some places changed. */
export const value = (from: unknown, chance: Chance): unknown => {
  let out = from
  for (let left = 1 + chance.below(3); left > 0; left--) out = changed(out, chance)
  return out
}

/** A text with some stretches changed. */
export const text = (from: string, chance: Chance): string => {
  let out = from
  for (let left = 1 + chance.below(4); left > 0; left--) {
    const at = chance.below(out.length + 1)
    const to = Math.min(out.length, at + chance.below(12))
    out = chance.of<() => string>([
      () => out.slice(0, at),
      () => out.slice(0, at) + out.slice(to),
      () => out.slice(0, at) + chance.text(8) + out.slice(to),
      () => out.slice(0, to) + out.slice(at),
      () =>
        out.slice(0, at) + chance.of(["\n", "\r\n\r\n", "\0", "{", "}", "[", "\"", "data: ", "\ufeff", "1e999"]) +
        out.slice(at)
    ])()
  }
  return out
}

/** Bytes with some stretches changed. */
export const bytes = (from: Uint8Array, chance: Chance): Uint8Array<ArrayBuffer> => {
  let out = Uint8Array.from(from)
  for (let left = 1 + chance.below(6); left > 0; left--) {
    const at = chance.below(out.length + 1)
    const to = Math.min(out.length, at + chance.below(16))
    const join = (...parts: ReadonlyArray<Uint8Array>) => Uint8Array.from(Buffer.concat(parts))
    out = chance.of<() => Uint8Array<ArrayBuffer>>([
      () => out.slice(0, at),
      () => join(out.subarray(0, at), out.subarray(to)),
      () => join(out.subarray(0, at), chance.bytes(8), out.subarray(to)),
      () => join(out.subarray(0, to), out.subarray(at)),
      () => out.map((byte, i) => i >= at && i < to ? chance.of([0, 255, 127, 128, 1, chance.below(256)]) : byte),
      () => out.map((byte, i) => i === at ? byte ^ (1 << chance.below(8)) : byte)
    ])()
  }
  return out
}

/** A message that was JSON, changed as a value, or as text, or another altogether. */
export const json = (from: unknown, chance: Chance): string => {
  const kind = chance.next()
  if (kind < 0.25) return JSON.stringify(from)
  if (kind < 0.8) return JSON.stringify(value(from, chance)) ?? "null"
  if (kind < 0.95) return text(JSON.stringify(from), chance)
  return chance.text(200)
}

/** Cut into pieces of any length. */
export const pieces = (from: Uint8Array, chance: Chance): ReadonlyArray<Uint8Array> => {
  const out: Array<Uint8Array> = []
  for (let at = 0; at < from.length;) {
    const to = at + 1 + chance.below(chance.is(0.3) ? 3 : 400)
    out.push(from.subarray(at, to))
    at = to
  }
  return out
}
