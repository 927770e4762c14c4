/**
 * The history of a session, and all that may happen to it. Only this file writes it. Other parts
 * call a function for what has happened. Every verb is synchronous, so nothing is between two that
 * follow one another.
 */
import * as History from "../../History.ts"
import type * as Llm from "../../Llm.ts"
import type * as Tools from "../../Tools.ts"
import { wrongHistory } from "../history/usable.ts"
import { problem } from "../options.ts"

/** What the provider of the model has attached, and the step that it came with. */
interface Attached {
  readonly step?: History.Step | undefined
  readonly metadata?: Llm.Metadata | undefined
}

type Provided = Pick<History.ToolOutput, "output" | "isFailure" | "metadata">

/** The same as fields of an item. */
export const attachedOf = ({ metadata, step }: Attached) => ({
  ...(step === undefined ? undefined : { step }),
  ...(metadata === undefined ? undefined : { metadata })
})

export interface SessionHistory {
  readonly current: () => History.History
  /** The time for the next item: the Clock's, later than any before it. */
  readonly stamp: () => number
  /** A turn of the user; gives the id of its message. */
  readonly userSaid: (text: string, participant: string | undefined) => string
  /** Words of the user that are no turn, at the time at which they were said; gives the id of their message. */
  readonly userSetAside: (said: {
    readonly text: string
    readonly reason: History.SetAside
    readonly createdAt: number
    readonly participant: string | undefined
  }) => string
  /** What the user said is to be understood otherwise. */
  readonly reworded: (id: string, text: string) => void
  /** What was heard of the agent; gives the id of its message, which is in the history only if it is to be recorded. */
  readonly agentHeard: (
    said: {
      readonly text: string
      readonly interrupted: boolean
      readonly createdAt: number
      readonly recorded: boolean
    } & Attached
  ) => string
  /** A call together with what came of it; `late`, where the model was shown that it runs; `going`, where prompts are to follow. */
  readonly called: (output: Tools.Output, call: History.ToolCall, late: boolean, going: boolean) => void
  /** What the model's provider has run itself, before the words of the same answer. */
  readonly provided: (call: Omit<History.ToolCall, "createdAt" | "id">, output: Provided, answer: number) => void
  /** Another agent goes on, with what it knew before. */
  readonly handedOver: (change: {
    readonly from: string
    readonly to: string
    readonly history: History.History
  }) => void
  /** Its beginning was made shorter, while it went on. */
  readonly compacted: (change: { readonly before: History.History; readonly after: History.History }) => void
  /** The program has made another of it. */
  readonly updated: (f: (history: History.History) => History.History) => void
  /** Text that was looked up for the turn that is replied to; `undefined` for a turn without. */
  readonly lookedUp: (context: string | undefined) => void
  readonly context: () => string | undefined
}

// Between two things of the same millisecond, so that the history keeps their order.
const tick = 1 / 1024

/** When the newest item was made: what is said from now on comes after it. */
const latest = (history: History.History): number =>
  history.items.reduce((newest, { createdAt }) => Math.max(newest, createdAt), 0)

export const makeHistory = (
  initial: History.History,
  now: () => number,
  nextId: (kind: string) => string
): SessionHistory => {
  let history: History.History = { items: [...initial.items] }
  let stamped = latest(initial)
  let context: string | undefined
  const stamp = (): number => {
    const time = now()
    stamped = time > stamped ? time : stamped + tick
    return stamped
  }
  const insert = (item: History.Item): void => {
    history = History.insert(history, item)
  }
  return {
    current: () => history,
    stamp,
    userSaid: (text, participant) => {
      const id = nextId("message")
      insert(History.Message.make({
        id,
        role: "user",
        text,
        createdAt: stamp(),
        ...(participant === undefined ? {} : { participant })
      }))
      return id
    },
    userSetAside: ({ createdAt, participant, reason, text }) => {
      const id = nextId("message")
      insert(History.Message.make({
        id,
        role: "user",
        text,
        createdAt,
        setAside: reason,
        ...(participant === undefined ? {} : { participant })
      }))
      return id
    },
    reworded: (id, text) => {
      const items = history.items.map((item) => item._tag === "Message" && item.id === id ? { ...item, text } : item)
      history = { items }
    },
    agentHeard: ({ createdAt, interrupted, recorded, text, ...more }) => {
      const id = nextId("message")
      if (recorded) {
        insert(History.Message.make({ id, role: "assistant", text, interrupted, createdAt, ...attachedOf(more) }))
      }
      return id
    },
    called: ({ callId, isFailure, name, output }, call, late, going) => {
      insert(call)
      const { createdAt: calledAt } = call
      // What the agent has said meanwhile comes before it: no prompt is to end with that.
      const spoke = (item: History.Item) =>
        item._tag === "Message" && item.role === "assistant" && item.createdAt > calledAt
      const apart = late || (going && history.items.some(spoke))
      const about = { id: nextId("output"), createdAt: apart ? stamp() : calledAt, callId, name }
      insert(History.ToolOutput.make({ ...about, output, isFailure, ...(late ? { late } : {}) }))
    },
    provided: (call, output, answer) => {
      const createdAt = answer - tick / 2
      const { callId, name } = call
      insert({ ...call, id: nextId("call"), createdAt })
      insert(History.ToolOutput.make({ id: nextId("output"), createdAt, callId, name, ...output }))
    },
    handedOver: ({ from, history: known, to }) => {
      stamped = Math.max(stamped, latest(known))
      history = History.merge(history, known)
      insert({ _tag: "Handoff", id: nextId("handoff"), from, to, createdAt: stamp() })
    },
    compacted: (change) => {
      history = History.replaceHead(history, change)
    },
    updated: (f) => {
      const { items } = history
      const next = f({ items: [...items] })
      const wrong = wrongHistory(next)
      if (wrong !== undefined) throw problem("updateHistory", `must ${wrong.replace(/^be /, "give ")}`)
      if (next.items.length === items.length && next.items.every((item, i) => item === items[i])) return
      // A later item would not find its place among others that are in no order.
      history = History.make(next.items)
    },
    lookedUp: (text) => {
      context = text
    },
    context: () => context
  }
}
