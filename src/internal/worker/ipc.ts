/** What a worker and the processes of its pool tell each other: each message is a line of JSON. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Assignment, EndReason } from "./job.ts"

/** The file of the process over which both speak. */
export const channelFd = 3

/** `numbers` is the key by which telephone numbers are masked in all processes alike. */
const Start = Schema.TaggedStruct("Start", { assignment: Assignment, numbers: Schema.optionalKey(Schema.String) })
const End = Schema.TaggedStruct("End", { id: Schema.String, reason: EndReason })
const Hurry = Schema.TaggedStruct("Hurry", {})
/** The server has been told of the end of a job. */
const Heard = Schema.TaggedStruct("Heard", { id: Schema.String })
const AskMetrics = Schema.TaggedStruct("AskMetrics", { question: Schema.Int })
/** Asks for a sign of life. */
const Ping = Schema.TaggedStruct("Ping", {})
/** Ends the process, jobs or not. */
const Exit = Schema.TaggedStruct("Exit", {})

export const ToChild = Schema.Union([Start, End, Hurry, Heard, AskMetrics, Ping, Exit])
export type ToChild = typeof ToChild.Type

const Ready = Schema.TaggedStruct("Ready", {})
/** `setting`: another attempt would end alike. */
const Unusable = Schema.TaggedStruct("Unusable", { detail: Schema.String, setting: Schema.Boolean })
const SpanIds = Schema.Struct({ traceId: Schema.String, spanId: Schema.String, sampled: Schema.Boolean })
/** A line of the log, as JSON; `lost` counts those before it that could not be told. */
export const Line = Schema.TaggedStruct("Log", {
  level: Schema.Literals(["Fatal", "Error", "Warn", "Info", "Debug", "Trace"]),
  text: Schema.String,
  lost: Schema.Int,
  /** In which it was logged. */
  span: Schema.optional(SpanIds)
})
const Attributes = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]))
/** Times are nanoseconds since 1970. */
export const SpanBegan = Schema.TaggedStruct("SpanBegan", {
  ids: SpanIds,
  parent: Schema.optional(SpanIds),
  name: Schema.String,
  kind: Schema.Literals(["internal", "server", "client", "producer", "consumer"]),
  at: Schema.String
})
export const SpanEnded = Schema.TaggedStruct("SpanEnded", {
  ids: SpanIds,
  at: Schema.String,
  attributes: Attributes,
  events: Schema.Array(Schema.Struct({ name: Schema.String, at: Schema.String, attributes: Attributes })),
  links: Schema.Array(Schema.Struct({ span: SpanIds, attributes: Attributes })),
  failure: Schema.optional(Schema.Union([
    Schema.Literal("interrupted"),
    Schema.Struct({ name: Schema.String, message: Schema.String, stack: Schema.String })
  ]))
})
const JobReport = Schema.TaggedStruct("JobReport", {
  id: Schema.String,
  status: Schema.Literals(["running", "success", "failed"]),
  error: Schema.String
})
/** A job has left its room. */
const Over = Schema.TaggedStruct("Over", { id: Schema.String })
const State = Schema.TaggedStruct("State", {
  cpu: Schema.Finite,
  memoryBytes: Schema.Finite,
  eventLoopDelayMs: Schema.Finite,
  filesShare: Schema.Finite,
  heapShare: Schema.Finite,
  running: Schema.Array(
    // Lengths: the times of another process mean nothing here.
    Schema.Struct({ id: Schema.String, forMs: Schema.Finite, stuckForMs: Schema.optional(Schema.Finite) })
  )
})
/** All that it has measured; `question` is 0 where nobody has asked. */
const Metrics = Schema.TaggedStruct("Metrics", { question: Schema.Int, text: Schema.String })

export const FromChild = Schema.Union([Ready, Unusable, Line, SpanBegan, SpanEnded, JobReport, Over, State, Metrics])
export type FromChild = typeof FromChild.Type

export const encodeToChild = Schema.encodeSync(ToChild)
export const decodeToChild = Schema.decodeUnknownOption(ToChild)
export const encodeFromChild = Schema.encodeSync(FromChild)
export const decodeFromChild = Schema.decodeUnknownOption(FromChild)

/** Nothing where it is no JSON. */
export const parsed = (line: string): Option.Option<unknown> => {
  try {
    return Option.some(JSON.parse(line))
  } catch {
    return Option.none()
  }
}
