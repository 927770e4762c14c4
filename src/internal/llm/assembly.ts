/**
 * One answer of a model, put together from what its server tells: texts at once,
 * calls when the answer is over, and one end, whatever the server makes of its
 * own. Interrupting the stream of an answer ends that of its events.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Failure from "../../Failure.ts"
import { doneMark } from "../provider/lines.ts"
import { throughEffect } from "../streams.ts"
import { parse } from "../tools/json.ts"
import { longest } from "../tools/params.ts"
import { type Call, Calls, type Fragment, mostAsked } from "./calls.ts"
import * as metadata from "./metadata.ts"
import type * as Llm from "./model.ts"
import { Thought } from "./thinking.ts"

/** A piece of a tool call that comes in pieces. */
export interface ToolCallPart extends Fragment {
  readonly _tag: "ToolCallPart"
}

/** A count of tokens; `last` where nothing else comes with it, as at the end of an answer. */
export interface UsagePart {
  readonly _tag: "Usage"
  readonly usage: Llm.Usage | undefined
  readonly model: string | undefined
  readonly last: boolean
}

/** The model thinks: a sign of life, and perhaps what its provider wants to see again with the step. */
export interface ThoughtPart {
  readonly _tag: "Thought"
  readonly fields?: metadata.Fields | undefined
}

/** A call that came as a whole, with what its provider has attached. */
export interface WholeCall extends Call {
  readonly _tag: "WholeCall"
}

type Finish = Extract<Llm.Delta, { readonly _tag: "Finish" }>

/** All of an answer so far in one event of a stream: of it, what has not been told in pieces before. */
export interface WholePart {
  readonly _tag: "Whole"
  readonly pieces: ReadonlyArray<Piece>
}

/** What a server tells of an answer at a time. */
export type Piece = Llm.Delta | ToolCallPart | UsagePart | ThoughtPart | WholeCall | WholePart

/** How long the end of the answer is waited for after the last event: a connection that has seen it is used again. */
const lingering = "250 millis"

/** How long a count of tokens is waited for after the reason of the end: some servers leave the connection open. */
const counting = "1 second"

const parsed = (params: unknown): unknown => {
  if (typeof params !== "string") return params
  if (params.trim() === "") return {}
  if (params.length > longest) return params
  try {
    return parse(params)
  } catch {
    // The tools repair it, or tell the model.
    return params
  }
}

/** How the answers of one server are put together. */
export interface Options {
  /** The key of what the provider attaches. */
  readonly key: string
  /** Whether every answer says itself that it is over: one that does not was cut off. */
  readonly finishes: boolean
  /** What the model wrote as the parameters of a call, as the tool has them. @default JSON, as it is */
  readonly paramsOf?: ((name: string, params: unknown) => unknown) | undefined
}

/** Ends at which a call may have been cut off, so that what is left of its parameters is not mended. */
const cutting: ReadonlySet<Llm.FinishReason> = new Set<Llm.FinishReason>(["length", "content-filter", "error", "other"])

/** What a provider attaches to one answer (characters, about): it stands in every prompt from then on, whole or not at all. */
const mostAttached = 1_048_576

/** Characters of parameters that are read, and pieces of one event that are taken in, before others have their turn. */
const [mostReadAtOnce, mostPieces] = [262_144, 256]

const tooMuchAttached =
  "a model's provider has attached more to an answer than is sent back to it: none of it goes back"

/** Some servers count once more at the end, and then nothing. */
const isNothing = ({ inputTokens, outputTokens }: Llm.Usage): boolean => inputTokens === 0 && outputTokens === 0

/** One reply in the making. */
class Assembly {
  readonly #options: Options
  readonly #thought: () => void
  readonly #calls = new Calls()
  readonly #known = new Map<string, Llm.Metadata | undefined>()
  #finish: Finish | undefined = undefined
  #fields: metadata.Fields | undefined = undefined
  #finished = false
  #done = false
  #counted = false
  #said = false
  /** What was written, as long as it was told as a whole. */
  #whole: string | undefined = ""
  #attached = 0

  constructor(options: Options, thought: () => void = () => {}) {
    this.#options = options
    this.#thought = thought
  }

  /** Takes the pieces of an event, and gives what can be said of them now: a call only when the answer is whole. */
  push(pieces: ReadonlyArray<Piece>): ReadonlyArray<Llm.Delta> {
    const fragments = pieces.filter((piece) => piece._tag === "ToolCallPart")
    this.#calls.push(fragments.map((fragment) => this.#bounded(fragment)))
    if (fragments.length > 0) this.#thought()
    return pieces.flatMap((piece): ReadonlyArray<Llm.Delta> => {
      if (piece._tag !== "Finish") this.#counted = piece._tag === "Usage" && piece.last && this.#said
      switch (piece._tag) {
        case "Text":
          if (piece.text === "" && piece.metadata === undefined) return []
          this.#said = true
          this.#whole = undefined
          return [piece]
        case "Thought":
          this.#thought()
          this.#fields = metadata.join(this.#fields, this.#bounded(piece).fields)
          return []
        case "Finish":
          this.#finished = true
          this.#count(piece)
          return []
        case "Usage":
          this.#count(piece)
          return []
        case "Speech":
        case "ProviderCall":
        case "ProviderResult":
          this.#said = true
          return [piece]
        case "ToolCall":
          this.#said = true
          if (piece.metadata !== undefined) this.#known.set(piece.id, piece.metadata)
          this.#calls.add(piece)
          return []
        case "WholeCall":
          this.#said = true
          this.#calls.add(this.#bounded(piece))
          return []
        case "ToolCallPart":
          this.#said = true
          return []
        case "Whole":
          return this.#rest(piece.pieces)
      }
    })
  }

  /** What of a whole is new: each may tell all that was written until then, or go on with it. */
  #rest(pieces: ReadonlyArray<Piece>): ReadonlyArray<Llm.Delta> {
    const before = this.#whole
    const text = pieces.map((piece) => piece._tag === "Text" ? piece.text : "").join("")
    const isAll = before !== undefined && text.startsWith(before)
    const said = before === undefined ? "" : isAll ? text.slice(before.length) : text
    const isNew = this.#calls.size === 0
    const more = pieces.filter((piece) =>
      piece._tag === "ToolCallPart" || piece._tag === "ToolCall" || piece._tag === "WholeCall"
        ? isNew
        : piece._tag !== "Text" && (piece._tag !== "Thought" || !this.#said)
    )
    const deltas = this.push([...more, ...(said === "" ? [] : [{ _tag: "Text" as const, text: said }])])
    this.#whole = before === undefined ? undefined : isAll ? text : before + text
    return deltas
  }

  /** Without what is attached, once that is too much. */
  #bounded<A extends { readonly fields?: metadata.Fields | undefined }>(piece: A): A {
    if (piece.fields === undefined) return piece
    if (!this.isOverloaded) this.#attached += metadata.sizeOf(piece.fields)
    return this.isOverloaded ? { ...piece, fields: undefined } : piece
  }

  /** More is attached than goes back. */
  get isOverloaded(): boolean {
    return this.#attached > mostAttached
  }

  /** It has more calls than are taken in: what comes behind them is not read. */
  get isFull(): boolean {
    return this.#calls.size >= mostAsked
  }

  #count(told: UsagePart | Finish): void {
    const before = this.#finish
    const finish = told._tag === "Finish" ? told : undefined
    this.#finish = {
      _tag: "Finish",
      reason: finish?.reason ?? before?.reason,
      usage: told.usage === undefined || (before?.usage !== undefined && isNothing(told.usage))
        ? before?.usage
        : told.usage,
      model: told.model ?? before?.model,
      metadata: finish?.metadata ?? before?.metadata
    }
  }

  /** The server says that it is done, and perhaps no reason. */
  done(): void {
    this.#done = true
  }

  get isDone(): boolean {
    return this.#done
  }

  get isFinished(): boolean {
    return this.#finished
  }

  /** Nothing is missing if the connection is lost now: a reason was told, or what was said is over. */
  get isWhole(): boolean {
    return this.#finished || (this.#said && (this.#done || this.#counted))
  }

  /** What is left to be given, now that nothing more comes. */
  get end(): Effect.Effect<ReadonlyArray<Llm.Delta>, Failure.Reason> {
    if (this.#options.finishes && !this.isWhole && !this.isFull) {
      return Effect.fail(this.#said ? new Failure.Disconnected({ code: "UNFINISHED" }) : new Failure.EndedEarly({}))
    }
    return Effect.flatMap(
      this.#calls.end(this.#finish?.reason !== undefined && cutting.has(this.#finish.reason)),
      (calls) => {
        let read = 0
        return Effect.map(
          Effect.forEach(calls, (call) => {
            read += typeof call.params === "string" ? call.params.length : 0
            const gives = read > mostReadAtOnce
            if (gives) read = 0
            return Effect.as(gives ? Effect.yieldNow : Effect.void, this.#callOf(call))
          }),
          (deltas) => [...deltas, this.#end(calls.length > 0)]
        )
      }
    )
  }

  #callOf({ fields, id, name, params }: Call): Llm.Delta {
    const { key, paramsOf = (_, params) => parsed(params) } = this.#options
    const attached = this.isOverloaded ? undefined : this.#known.get(id) ?? metadata.under(key, fields)
    return {
      _tag: "ToolCall",
      id,
      name,
      params: paramsOf(name, params),
      ...(attached === undefined ? undefined : { metadata: attached })
    }
  }

  #end(called: boolean): Finish {
    const { metadata: told, model, reason, usage } = this.#finish ?? {}
    // A server that calls tools and says "stop" waits for them all the same.
    const why = called && (reason === undefined || reason === "stop") ? "tool-calls" : reason
    const attached = this.isOverloaded ? undefined : told ?? metadata.under(this.#options.key, this.#fields)
    return {
      _tag: "Finish",
      ...(why === undefined ? undefined : { reason: why }),
      ...(usage === undefined ? undefined : { usage }),
      ...(model === undefined ? undefined : { model }),
      ...(attached === undefined ? undefined : { metadata: attached })
    }
  }
}

/** The deltas of an answer, event by event: pieces, or that the server is done. */
export const assembled = <E, R>(
  options: Options,
  events: Stream.Stream<ReadonlyArray<Piece> | typeof doneMark, E, R>
): Stream.Stream<Llm.Delta, E | Failure.Reason, R> =>
  Stream.unwrap(Effect.map(Thought, (thought) => {
    const assembly = new Assembly(options, thought)
    const done = Deferred.makeUnsafe<void>()
    const finished = Deferred.makeUnsafe<void>()
    let told = 0
    // Some servers tell a reason and go on all the same.
    const quiet: Effect.Effect<void> = Effect.suspend(() => {
      const before = told
      return Effect.andThen(Effect.sleep(counting), Effect.suspend(() => before === told ? Effect.void : quiet))
    })
    const over = Effect.raceFirst(
      Effect.andThen(Deferred.await(done), Effect.sleep(lingering)),
      Effect.andThen(Deferred.await(finished), quiet)
    )
    const take = (event: ReadonlyArray<Piece> | typeof doneMark): ReadonlyArray<Llm.Delta> => {
      if (event !== doneMark) {
        if (event.length > 0) told++
        // What comes behind the mark of the end is of no answer, unless it counts.
        const deltas = assembly.push(assembly.isDone ? event.filter(({ _tag }) => _tag === "Usage") : event)
        if (assembly.isFinished) Deferred.doneUnsafe(finished, Effect.void)
        return deltas
      }
      assembly.done()
      Deferred.doneUnsafe(done, Effect.void)
      return []
    }
    const isLong = (event: ReadonlyArray<Piece> | typeof doneMark) => event !== doneMark && event.length > mostPieces
    return events.pipe(
      throughEffect((all) =>
        all.some(isLong)
          ? Effect.forEach(all, (event) => Effect.andThen(Effect.yieldNow, Effect.sync(() => take(event))))
          : Effect.succeed(all.map(take))
      ),
      Stream.takeUntil(() => assembly.isFull),
      // What is lost after the last word was not awaited.
      Stream.catch((reason) => isLost(reason) && assembly.isWhole ? Stream.empty : Stream.fail(reason)),
      Stream.interruptWhen(over),
      Stream.concat(Stream.fromEffect(Effect.suspend(() =>
        Effect.andThen(assembly.isOverloaded ? Effect.logWarning(tooMuchAttached) : Effect.void, assembly.end)
      ))),
      Stream.flattenIterable
    )
  }))

const isLost = (reason: unknown): boolean => reason instanceof Failure.Disconnected
