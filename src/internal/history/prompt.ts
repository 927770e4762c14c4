/** History to prompt and back. */
import * as Prompt from "effect/ai/Prompt"
import type { Item, Message, Step, ToolCall, ToolOutput } from "../../History.ts"
import { saidMessage } from "../llm/heard.ts"
import * as Json from "../tools/json.ts"
import { saysNothing } from "./aside.ts"
import { inOrder } from "./order.ts"
import * as pairs from "./pairs.ts"

/**
 * What goes into a prompt beside the history.
 *
 * @category options
 * @since 0.1.0
 */
export interface PromptOptions {
  /** Who the agent is: the first system message. */
  readonly instructions?: string | undefined
  /** What counts for this reply only: the last system message. */
  readonly extra?: string | undefined
  /** Calls that are running: each stands at its time, with a constant sentence as its output. @default none */
  readonly running?: ReadonlyArray<ToolCall> | undefined
  /** What the user has said, as a WAV file, by the id of the message; it stands before the text. @default text alone */
  readonly audio?: ((id: string) => Uint8Array | undefined) | undefined
}

// Always the same words, so that what a provider has cached of a prompt goes on to hold.
const stillRunning =
  "Still running: there is no result yet. It will follow as another result of this tool, without another call."

/** The calls that a model made together, and where they stand: where the last of the outputs came that it was shown. */
interface Called {
  readonly members: Array<{ readonly call: ToolCall; readonly output: ToolOutput | undefined }>
  at: number
}

/** Most prompts ask for none of what is worth a look at each item. */
const once = <A extends object>(make: () => A): () => A => {
  let made: A | undefined
  return () => made ??= make()
}

/** Only histories from elsewhere have calls without a step: those up to the next output or message are one. */
const stepsOf = (
  items: ReadonlyArray<Item>,
  paired: ReadonlyMap<Item, pairs.Pair>,
  running: ReadonlySet<Item>
): ReadonlyMap<number, Called> => {
  const named = new Map<string, Called>()
  const steps: Array<Called> = []
  const places = once(() => new Map(items.map((item, i) => [item, i])))
  let unnamed: Called | undefined
  let answered = false
  const add = (call: ToolCall, i: number): void => {
    const known = call.step === undefined ? (answered ? undefined : unnamed) : named.get(call.step.id)
    const step = known ?? { members: [], at: i }
    if (known === undefined) steps.push(step)
    if (call.step !== undefined) named.set(call.step.id, step)
    else {
      unnamed = step
      answered = false
    }
    const output = paired.get(call)?.output
    const shown = output?.late === true ? undefined : output
    if (shown !== undefined) step.at = Math.max(step.at, places().get(shown)!)
    step.members.push({ call, output: shown })
  }
  for (const [i, item] of items.entries()) {
    if (isOurs(item, paired) && (paired.has(item) || running.has(item))) add(item, i)
    if (item._tag === "ToolOutput" && isOurs(paired.get(item)?.call, paired)) answered = true
    if (item._tag === "Summary" || isShown(item)) unnamed = undefined
  }
  return new Map(steps.map((step) => [step.at, step]))
}

const isOurs = (item: Item | undefined, paired: ReadonlyMap<Item, pairs.Pair>): item is ToolCall =>
  item?._tag === "ToolCall" && providers(item, paired) === undefined

/** A call that the provider has run itself, with its result. */
const providers = (item: Item, paired: ReadonlyMap<Item, pairs.Pair>): pairs.Pair | undefined =>
  item._tag === "ToolCall" && item.providerExecuted === true ? paired.get(item) : undefined

const isShown = (item: Item): item is Message =>
  item._tag === "Message" && item.text.trim() !== "" && !saysNothing(item.setAside)

export const toPrompt = (known: ReadonlyArray<Item>, options: PromptOptions): Prompt.Prompt => {
  const running = new Set<Item>(options.running)
  const items = running.size === 0 ? known : inOrder([...known, ...running])
  const paired = pairs.find(items)
  const steps = stepsOf(items, paired, running)
  const messages: Array<Prompt.Message> = []
  const system = (text: string | undefined) => {
    if (text !== undefined && text.trim() !== "") messages.push(Prompt.systemMessage({ content: text.toWellFormed() }))
  }
  // What was attached to a step goes with its first message alone.
  const attached = new Set<string>()
  const optionsOf = (one: Step | undefined): Prompt.ProviderOptions => {
    if (one?.metadata === undefined || attached.has(one.id)) return {}
    attached.add(one.id)
    return one.metadata
  }
  const firsts = once(() =>
    new Map([...steps.values()].flatMap(({ members }) => members.map(({ call }) => [call, members[0]!.call] as const)))
  )
  const ids = once(() => new Set(items.flatMap((item) => item._tag === "ToolCall" ? [item.callId] : [])))
  system(options.instructions)
  for (const [i, item] of items.entries()) {
    if (isShown(item)) {
      const file = item.role === "user" ? options.audio?.(item.id) : undefined
      messages.push(
        file === undefined ? messageOf(item, optionsOf(item.step)) : saidMessage(file, item.text.toWellFormed())
      )
    }
    if (item._tag === "Summary") system(`What was said before, in short:\n${item.text}`)
    const provided = providers(item, paired)
    if (provided !== undefined) messages.push(providersMessage(provided))
    const step = steps.get(i)
    if (step !== undefined) messages.push(...stepMessages(step.members, optionsOf(step.members[0]?.call.step)))
    const pair = item._tag === "ToolOutput" && item.late === true ? paired.get(item) : undefined
    if (pair !== undefined) {
      messages.push(...lateMessages(pair, firsts().get(pair.call) ?? pair.call, lateId(pair.call.callId, ids())))
    }
  }
  system(options.extra)
  return Prompt.fromMessages(messages)
}

const made = new WeakMap<Item, Prompt.Message>()

/** Made once for each item: every request of a long conversation has all of it, and they share the messages. */
const messageOf = (item: Message, options: Prompt.ProviderOptions): Prompt.Message => {
  const existing = made.get(item)
  if (existing !== undefined) return existing
  const fresh = message(item, options)
  made.set(item, fresh)
  return fresh
}

const textOf = ({ metadata }: Message, text: string): Prompt.TextPart =>
  Prompt.textPart({ text, ...(metadata === undefined ? undefined : { options: metadata }) })

const message = (item: Message, options: Prompt.ProviderOptions): Prompt.Message => {
  // A server may refuse a request for half a character, and then each one from then on.
  const text = item.text.toWellFormed()
  switch (item.role) {
    case "system":
      return Prompt.systemMessage({ content: text })
    case "user":
      return Prompt.userMessage({ content: [Prompt.textPart({ text })] })
    case "assistant":
      return Prompt.assistantMessage({ content: [textOf(item, text)], options })
  }
}

const callPart = ({ callId, metadata, name, params }: ToolCall) =>
  Prompt.toolCallPart({
    id: callId,
    name,
    params,
    providerExecuted: false,
    ...(metadata === undefined ? undefined : { options: metadata })
  })

const resultPart = ({ callId, name }: ToolCall, output: ToolOutput | undefined) =>
  Prompt.toolResultPart({
    id: callId,
    name,
    isFailure: output?.isFailure ?? false,
    result: output === undefined ? stillRunning : output.output,
    providerExecuted: false
  })

/** What its provider has run itself stands in the answer that it is of, with its result. */
const providersMessage = ({ call, output }: pairs.Pair): Prompt.Message =>
  Prompt.assistantMessage({
    content: [
      Prompt.toolCallPart({ ...callPart(call), providerExecuted: true }),
      Prompt.toolResultPart({
        ...resultPart(call, output),
        providerExecuted: true,
        ...(output.metadata === undefined ? undefined : { options: output.metadata })
      })
    ]
  })

/** One message with all calls, and one with all results: no provider takes them in any other form. */
const stepMessages = (
  members: Called["members"],
  options: Prompt.ProviderOptions
): ReadonlyArray<Prompt.Message> => [
  Prompt.assistantMessage({ content: members.map(({ call }) => callPart(call)), options }),
  Prompt.toolMessage({ content: members.map(({ call, output }) => resultPart(call, output)) })
]

/** Providers take no id that is longer, and none twice. */
const longestId = 64

/** The id of the call that repeats one; the same in each prompt, as long as the calls are the same. */
const lateId = (callId: string, taken: Set<string>): string => {
  for (let i = 1;; i++) {
    const end = i === 1 ? "_result" : `_result${i}`
    const id = `${callId.slice(0, longestId - end.length)}${end}`
    if (taken.has(id)) continue
    taken.add(id)
    return id
  }
}

/**
 * A result has to follow its call at once: what comes late is the result of a call that repeats the first. What was attached
 * goes with it, since a provider that asks for it does so for each message with calls; of a step, some sign the first alone.
 */
const lateMessages = (
  { call, output }: pairs.Pair,
  first: ToolCall,
  callId: string
): ReadonlyArray<Prompt.Message> => {
  const metadata = call.metadata ?? first.metadata
  const again = {
    ...call,
    callId,
    ...(metadata === undefined ? {} : { metadata })
  }
  return stepMessages([{ call: again, output }], call.step?.metadata ?? {})
}

export const fromPrompt = (
  prompt: Prompt.Prompt,
  createdAt: number,
  id: (index: number) => string
): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  const next = () => ({ id: id(items.length), createdAt })
  const text = (role: "system" | "user" | "assistant", text: string, attached?: { readonly step: Step }) => {
    if (text.trim() !== "") items.push({ _tag: "Message", ...next(), role, text, interrupted: false, ...attached })
  }
  for (const message of prompt.content) {
    if (message.role === "system") {
      text("system", message.content)
      continue
    }
    const attached = message.role === "assistant" ? stepOf(message, `step-${id(items.length)}`) : undefined
    if (message.role !== "tool") text(message.role, written(message.content), attached)
    for (const part of message.content) {
      if (part.type === "tool-call") {
        const { id: callId, name, options, params, providerExecuted } = part
        items.push({
          _tag: "ToolCall",
          ...next(),
          callId,
          name,
          params: Json.from(params),
          ...(providerExecuted ? { providerExecuted } : attached),
          ...metadataOf(options)
        })
      }
      if (part.type === "tool-result") {
        const { id: callId, isFailure, name, options, providerExecuted, result } = part
        const output = { callId, name, output: Json.from(result), isFailure }
        items.push({ _tag: "ToolOutput", ...next(), ...output, ...(providerExecuted ? metadataOf(options) : {}) })
      }
    }
  }
  return items
}

const metadataOf = (options: Prompt.ProviderOptions) => Object.keys(options).length === 0 ? {} : { metadata: options }

/** A step where it says more than its order does. */
const stepOf = ({ options }: Prompt.AssistantMessage, id: string): { readonly step: Step } | undefined =>
  Object.keys(options).length > 0 ? { step: { id, ...metadataOf(options) } } : undefined

const written = (parts: ReadonlyArray<Prompt.UserMessagePart | Prompt.AssistantMessagePart>): string =>
  parts.flatMap((part) => part.type === "text" ? [part.text] : []).join("")
