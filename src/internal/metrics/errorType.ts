/** Which kind of error a failed provider is counted as. */
import * as Schema from "effect/Schema"
import type * as Event from "../../Event.ts"

export const ErrorType = Schema.Literals(["stt_error", "llm_error", "tts_error", "connection_error", "unknown_error"])

export type ErrorType = typeof ErrorType.Type

export const of = (failure: Pick<Event.Of<"ProviderFailed">, "component" | "reason">): ErrorType => {
  switch (failure.component) {
    case "stt":
      return "stt_error"
    case "llm":
      return "llm_error"
    case "tts":
      return "tts_error"
    case "room":
      return "connection_error"
    case "vad":
    case "processor":
    case "hook":
    case "detector":
    case "text":
      return typeof failure.reason === "object" && failure.reason._tag === "Disconnected"
        ? "connection_error"
        : "unknown_error"
  }
}
