/**
 * The calls of tools of one answer, put together from what a server tells of
 * them. Fragments of one index belong together, else those of one id, else
 * those that follow a name: many servers leave one of the three out, tell each
 * call with the index 0, or repeat the name with every fragment.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Failure from "../../Failure.ts"
import { longest } from "../tools/params.ts"
import * as metadata from "./metadata.ts"

/** What is told of a call at a time. */
export interface Fragment {
  readonly index?: number | undefined
  readonly id?: string | undefined
  readonly name?: string | undefined
  /** A piece of JSON text, or all the parameters at once. */
  readonly params?: unknown
  /** What else came with it. */
  readonly fields?: metadata.Fields | undefined
}

/** A call as the model wrote it: its parameters are text, unless the server gave them otherwise. */
export interface Call {
  readonly id: string
  readonly name: string
  readonly params: unknown
  readonly fields?: metadata.Fields | undefined
}

/** Follows a text of JSON, to know where an object is whole: whatever is told of a call after that is another one. */
class Json {
  #depth = 0
  #quoted = false
  #escaped = false
  #first = ""
  whole = false

  push(text: string): void {
    this.#first ||= text.trimStart().slice(0, 1)
    for (const character of text) {
      if (this.#escaped) this.#escaped = false
      else if (this.#quoted) {
        if (character === "\\") this.#escaped = true
        else if (character === "\"") this.#close(0)
      } else if (character === "\"") this.#quoted = true
      else if (character === "{" || character === "[") this.#depth += 1
      else if (character === "}" || character === "]") this.#close(1)
    }
  }

  #close(levels: number): void {
    this.#quoted = false
    this.#depth -= levels
    if (this.#depth === 0 && /[[{"]/.test(this.#first)) this.whole = true
  }
}

/** It stands where an object begins. */
const begins = (params: unknown): boolean =>
  typeof params === "string" ? params.trimStart().startsWith("{") : params != null

interface Pending {
  index: number | undefined
  id: string | undefined
  name: string
  text: string
  /** The parameters, where they came all at once. */
  value: unknown
  fields: metadata.Fields | undefined
  json: Json
  /** The last delta that told of it. */
  delta: number
  /** It began with the name of the call before it, and may be nothing but that. */
  readonly again: boolean
}

/** Calls of one answer that are taken in: of more than are run, some are told that they were not. */
export const mostAsked = 16_384

/** The calls that more may be told of: those before them are whole. */
const mostOpen = 256

const nameless = new Failure.InvalidResponse({ detail: "a tool call has no name" })

// An id pairs a call with its output over the whole conversation.
const freshId: Effect.Effect<string> = Effect.map(
  Effect.all([Random.nextInt, Random.nextInt]),
  ([a, b]) => `call_${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`
)

const isBlank = (params: unknown): boolean => params == null || (typeof params === "string" && params.trim() === "")

const isWhole = ({ json, value }: Pending): boolean => value !== undefined || json.whole

const hasParams = ({ text, value }: Pending): boolean => value !== undefined || text.trim() !== ""

/** Its parameters are an object that holds nothing. */
const isEmpty = ({ text, value }: Pending): boolean =>
  value === undefined
    ? /^\s*\{\s*\}\s*$/.test(text)
    : typeof value === "object" && value !== null && Object.keys(value).length === 0

/** Whether a server tells a call once more that it has told in pieces. */
const repeats = (call: Pending, { id, name, params }: Fragment, sure: boolean, delta: number): boolean =>
  (id === undefined ? sure && name === undefined : id === call.id) && call.delta !== delta && isWhole(call) &&
  call.text !== "" && params === call.text

/** Whether it tells with each fragment all of the parameters until then: no JSON begins as it has begun once more. */
const grows = ({ text, value }: Pending, params: unknown): params is string =>
  typeof params === "string" && value === undefined && params.length > text.length && text.startsWith("{") &&
  params.startsWith(text)

/**
 * Whether a call of one answer is new. Those that have all in common, the id, too, are one call that was told twice. When
 * more than `most` are known, every further one is new.
 */
export const newCalls = (most = Infinity): (id: string | undefined, name: string, params: unknown) => boolean => {
  const seen = new Set<string>()
  return (id, name, params) => {
    if (id === undefined || id === "" || seen.size > most) return true
    const key = JSON.stringify([id, name, params])
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  }
}

/** One answer's calls in the making. */
export class Calls {
  #calls: Array<Pending> = []
  #delta = 0
  /** Of all calls: most that is told is new, and need not be looked for. */
  readonly #indices = new Set<number | undefined>()
  readonly #ids = new Set<string | undefined>()

  /** How many calls have begun. */
  get size(): number {
    return this.#calls.length
  }

  /** The last of those that more may be told of. */
  #last(is: (call: Pending) => boolean): Pending | undefined {
    for (let i = this.#calls.length - 1; i >= Math.max(0, this.#calls.length - mostOpen); i--) {
      const call = this.#calls[i]!
      if (is(call)) return call
    }
    return undefined
  }

  /** Takes the fragments of one delta. */
  push(fragments: ReadonlyArray<Fragment>): void {
    this.#delta += 1
    for (const fragment of fragments) this.#take(fragment)
  }

  /** Takes a whole call. */
  add({ fields, id, name, params }: Call): void {
    this.#delta += 1
    this.#add(this.#open({ id, name }, false), params, fields)
  }

  /**
   * The calls, now that the answer is over: by index where all have one, else as they came. Of an answer that was cut
   * (`cut`), none whose parameters never became whole: it would be mended to something that nobody has asked for.
   */
  end(cut: boolean): Effect.Effect<ReadonlyArray<Call>, Failure.InvalidResponse> {
    const calls = this.#calls.filter((call) => (!call.again || hasParams(call)) && (!cut || isWhole(call)))
    if (calls.some(({ name }) => name === "")) return Effect.fail(nameless)
    const ordered = calls.every(({ index }) => index !== undefined)
      ? calls.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0))
      : calls
    const told = new Set<string>()
    // A server may tell one under two indices.
    const isNew = newCalls()
    const once = ordered.filter(({ id, name, text, value }) => isNew(id, name, value ?? text))
    return Effect.forEach(once, ({ fields, id, name, text, value }) => {
      const isFree = id !== undefined && !told.has(id)
      if (isFree) told.add(id)
      return Effect.map(isFree ? Effect.succeed(id) : freshId, (id) => ({
        id,
        name,
        params: value ?? text,
        ...(fields === undefined ? undefined : { fields })
      }))
    })
  }

  #take(told: Fragment): void {
    // Empty is as good as absent.
    const { index, params } = told
    const id = told.id || undefined
    const name = told.name || undefined
    const fragment = { index, id, name, params }
    const { call: near, sure } = this.#near(fragment)
    if (near !== undefined && repeats(near, fragment, sure, this.#delta)) {
      near.fields = metadata.join(near.fields, told.fields)
      return
    }
    if (near === undefined && id === undefined && name === undefined && isBlank(params)) return
    const isMine = near !== undefined && (name === undefined ? id === undefined || id === near.id : id === near.id)
    const goesOn = near !== undefined && sure && isMine && !isWhole(near) && near.delta !== this.#delta
    if (goesOn && grows(near, params)) Object.assign(near, { text: "", value: undefined, json: new Json() })
    else if (near !== undefined && begins(params) && isWhole(near) && (name === undefined || id !== undefined)) {
      // Some servers begin with empty parameters, and some tell of a second call what is new of it alone.
      if (isEmpty(near) && isMine) Object.assign(near, { text: "", value: undefined, json: new Json() })
      else if (id === undefined) {
        return this.#add(this.#open({ index, name: near.name }, false), params, told.fields)
      }
    }
    const same = near !== undefined && this.#continues(near, fragment, sure)
    const again = near !== undefined && id === undefined && name === near.name && (sure || near.delta !== this.#delta)
    const mine = same ? near : this.#open(fragment, again)
    this.#name(mine, fragment)
    if (name !== undefined) mine.name = name.startsWith(mine.name) ? name : mine.name + name
    this.#add(mine, params, told.fields)
  }

  #add(call: Pending, params: unknown, fields: metadata.Fields | undefined): void {
    call.delta = this.#delta
    call.fields = metadata.join(call.fields, fields)
    if (typeof params === "string") {
      // Of parameters that are too long, one character more is kept: so it is seen.
      const taken = params.slice(0, longest + 1 - call.text.length)
      call.text += taken
      call.json.push(taken)
    } else if (params != null) call.value = params
  }

  #open({ id, index, name = "" }: Fragment, again: boolean): Pending {
    const call: Pending = {
      index,
      id: id || undefined,
      name,
      text: "",
      value: undefined,
      fields: undefined,
      json: new Json(),
      delta: this.#delta,
      again
    }
    this.#calls.push(call)
    this.#name(call, call)
    return call
  }

  /** What is known of it for the first time. */
  #name(call: Pending, { id, index }: Pick<Fragment, "id" | "index">): void {
    call.index ??= index
    call.id ??= id
    this.#indices.add(call.index)
    this.#ids.add(call.id)
  }

  /** The call that a fragment belongs to, if it does not begin another one; `sure` where index or id says so. */
  #near({ id, index, name }: Fragment): { readonly call: Pending | undefined; readonly sure: boolean } {
    const latest = this.#calls.at(-1)
    const isKnown = index !== undefined && this.#indices.has(index)
    const ofIndex = isKnown ? this.#last((call) => call.index === index) : undefined
    const ofId = id === undefined || !this.#ids.has(id) ?
      undefined :
      this.#last((call) => call.id === id && (index === undefined || call.index === undefined || call.index === index))
    if (ofId !== undefined || ofIndex !== undefined) return { call: ofId ?? ofIndex, sure: true }
    if (index === undefined) return { call: latest, sure: false }
    // Some servers tell the index, or the id, only once.
    const mayBe = name === undefined && this.#indices.has(undefined)
    const single = mayBe ? this.#last((call) => call.index === undefined) : undefined
    return { call: single, sure: true }
  }

  /** Whether a fragment is more of the call that is near. */
  #continues(call: Pending, { id, index, name, params }: Fragment, sure: boolean): boolean {
    const whole = isWhole(call)
    if (id !== undefined && id !== call.id) {
      if (whole) return name === undefined && isBlank(params)
      // Some servers give each fragment an id of its own.
      return call.id === undefined
        ? name === undefined || name === call.name
        : name === undefined && (index !== undefined || !begins(params))
    }
    if (name === undefined) return true
    if (!sure && call.delta === this.#delta) return false
    if (call.name === "") return true
    if (whole) return id !== undefined && name === call.name && isBlank(params)
    if (name === call.name) return true
    // Another name is the rest of it, as long as nothing else was told.
    return sure && call.delta !== this.#delta && !call.again && !hasParams(call)
  }
}
