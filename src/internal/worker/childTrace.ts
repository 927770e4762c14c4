/**
 * What a process of a pool traces is its parent's: it tells each span as it
 * begins and as it ends, and the parent's tracer has it, by the same ids.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Headers from "effect/http/Headers"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import { thrownIn } from "../foreign.ts"
import type { SpanBegan, SpanEnded } from "./ipc.ts"

type Began = typeof SpanBegan.Type
type Ended = typeof SpanEnded.Type
type Ids = Ended["ids"]
type Attributes = Ended["attributes"]

/** Messages that a parent which does not listen is owed at most; what comes then is lost. */
const most = 5000

/** Of one process, as its parent has them: who begins more at a time does not end them, or was not heard to. */
const mostOpen = 10_000

const idsOf = ({ sampled, spanId, traceId }: Tracer.AnySpan): Ids => ({ spanId, traceId, sampled })

const attribute = (value: unknown): string | number | boolean =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
    ? value
    : String(value)

const attributesOf = (entries: Iterable<readonly [string, unknown]>): Attributes =>
  Object.fromEntries(Array.from(entries, ([name, value]) => [name, attribute(value)]))

const failureOf = (exit: Exit.Exit<unknown, unknown>): Ended["failure"] => {
  if (Exit.isSuccess(exit)) return undefined
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  const [error] = Cause.prettyErrors(Cause.die(thrownIn(exit.cause)))
  return error === undefined ? "interrupted" : {
    name: error.name,
    message: error.message,
    stack: error.stack ?? ""
  }
}

class ToldSpan extends Tracer.NativeSpan {
  readonly #send: (message: Began | Ended) => void

  constructor(options: ConstructorParameters<typeof Tracer.NativeSpan>[0], send: (message: Began | Ended) => void) {
    super(options)
    this.#send = send
    if (!this.sampled) return
    send({
      _tag: "SpanBegan",
      ids: idsOf(this),
      parent: Option.getOrUndefined(Option.map(this.parent, idsOf)),
      name: this.name,
      kind: this.kind,
      at: String(this.startTime)
    })
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    if (!this.sampled) return
    this.#send({
      _tag: "SpanEnded",
      ids: idsOf(this),
      at: String(endTime),
      attributes: attributesOf(this.attributes),
      events: this.events.map(([name, at, attributes]) => ({
        name,
        at: String(at),
        attributes: attributesOf(Object.entries(attributes))
      })),
      links: this.links.map(({ attributes, span }) => ({
        span: idsOf(span),
        attributes: attributesOf(Object.entries(attributes))
      })),
      failure: failureOf(exit)
    })
  }
}

/** A tracer that tells its spans; `send` says whether there was anybody, and calls back when it is on its way. */
export const tracerToParent = (send: (message: Began | Ended, sent: () => void) => boolean): Tracer.Tracer => {
  let waiting = 0
  const sent = (): void => void waiting--
  const tell = (message: Began | Ended): void => {
    if (waiting >= most) return
    waiting++
    if (!send(message, sent)) waiting--
  }
  return Tracer.make({ span: (options) => new ToldSpan(options, tell) })
}

const exitOf = (failure: Ended["failure"]): Exit.Exit<void> => {
  if (failure === undefined) return Exit.void
  if (failure === "interrupted") return Exit.interrupt()
  const error = new Error(failure.message)
  error.name = failure.name
  error.stack = failure.stack
  return Exit.die(error)
}

/** The spans of one process, in the tracer of its parent. */
export class ChildSpans {
  readonly #tracer: Tracer.Tracer
  readonly #slot: number
  readonly #open = new Map<string, Tracer.Span>()

  constructor(tracer: Tracer.Tracer, slot: number) {
    this.#tracer = tracer
    this.#slot = slot
  }

  began({ at, ids, kind, name, parent }: Began): void {
    const span = this.#tracer.span({
      name,
      kind,
      parent: Option.map(
        Option.fromUndefinedOr(parent),
        (ids) => this.#open.get(ids.spanId) ?? Tracer.externalSpan(ids)
      ),
      annotations: Context.empty(),
      links: [],
      startTime: BigInt(at),
      root: parent === undefined,
      sampled: true
    })
    // What the process has sent to others, and logged, has its own ids.
    Reflect.defineProperty(span, "spanId", { value: ids.spanId })
    Reflect.defineProperty(span, "traceId", { value: ids.traceId })
    span.attribute("child", this.#slot)
    this.#open.set(ids.spanId, span)
    const [oldest] = this.#open.size > mostOpen ? this.#open : []
    if (oldest === undefined) return
    this.#open.delete(oldest[0])
    oldest[1].end(BigInt(at), Exit.die(new Error("its end was not told")))
  }

  ended({ at, attributes, events, failure, ids, links }: Ended): void {
    const span = this.#open.get(ids.spanId)
    if (span === undefined) return
    this.#open.delete(ids.spanId)
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
    for (const event of events) span.event(event.name, BigInt(event.at), event.attributes)
    span.addLinks(links.map(({ attributes, span }) => ({ attributes, span: Tracer.externalSpan(span) })))
    span.end(BigInt(at), exitOf(failure))
  }

  /** The process has ended under them. */
  lost(now: bigint, reason: string): void {
    for (const span of this.#open.values()) span.end(now, Exit.die(new Error(`the process has ended (${reason})`)))
    this.#open.clear()
  }
}

/** Whether anybody is told of spans: what nobody exports is not sent. */
export const isTraced = (context: Context.Context<never>): boolean =>
  Context.get(context, Tracer.Tracer) !== Tracer.nativeTracer

const spanOf = (traceparent: unknown): Option.Option<Tracer.ExternalSpan> =>
  typeof traceparent === "string" ? HttpTraceContext.w3c(Headers.fromInput({ traceparent })) : Option.none()

const inMetadata = (metadata: string): unknown => {
  // Most metadata is none of JSON.
  if (!metadata.startsWith("{")) return undefined
  try {
    const parsed: unknown = JSON.parse(metadata)
    return Predicate.hasProperty(parsed, "traceparent") ? parsed.traceparent : undefined
  } catch {
    return undefined
  }
}

/** The span in which a job was asked for: the W3C `traceparent` of its attributes, else of metadata that is JSON. */
export const callerSpan = (job: {
  readonly attributes: Readonly<Record<string, string>>
  readonly metadata: string
}): Option.Option<Tracer.ExternalSpan> =>
  Option.orElse(spanOf(job.attributes["traceparent"]), () => spanOf(inMetadata(job.metadata)))
