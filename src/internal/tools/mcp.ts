/**
 * The message for a model about a tool server that fails.
 *
 * Errors of `effect/ai`'s client are known by their mark, so that a program
 * without such servers does not load it. Pure.
 */
import type { McpClientError, McpClientErrorReason } from "effect/ai/McpClientError"
import { codeOf } from "../thrown.ts"

const isMcpError = (error: unknown): error is McpClientError =>
  typeof error === "object" && error !== null && "~effect/ai/McpClientError" in error && "reason" in error

/** Words of the server where it has some, else what is wrong with it. */
const words = (reason: McpClientErrorReason): string => {
  switch (reason._tag) {
    case "ToolError": {
      const texts = reason.result.content.flatMap((block) => block.type === "text" ? [block.text] : [])
      return texts.length === 0 ? "The tool failed without saying why" : texts.join("\n")
    }
    case "TransportError":
    case "ClosedError":
      return "The connection to the tool's server was lost"
    case "TimeoutError":
      return "The tool's server did not answer in time"
    case "LimitError":
      return "The tool's server answered with more than can be taken"
    case "HttpError":
      return `The tool's server refused the call with status ${reason.status}`
    case "ProtocolError":
      return reason.code === undefined
        ? "The tool's server answered with what nobody understands"
        : `The tool's server refused the call: ${reason.description ?? `code ${reason.code}`}`
    case "ValidationError":
      return "The tool's server takes or gives something else than it says"
    case "UnsupportedError":
    case "ConfigurationError":
      return reason.message
  }
}

export const wordsOf = (error: unknown): string | undefined => isMcpError(error) ? words(error.reason) : undefined

/** Whether nothing comes over this connection any more. */
export const isLost = (error: unknown): boolean =>
  isMcpError(error) && (error.reason._tag === "TransportError" || error.reason._tag === "ClosedError")

/** Codes of JSON-RPC 2.0 for a request that was not carried out: it cannot be read, or there is no such tool. */
const unread: ReadonlySet<number | undefined> = new Set([-32_700, -32_600, -32_601, -32_602])

/** Of a connection that was never made. */
const unmade: ReadonlySet<string | undefined> = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT"
])

const isRefused = (reason: McpClientErrorReason): boolean => {
  switch (reason._tag) {
    case "HttpError":
      return reason.status < 500 || unread.has(reason.code)
    case "ProtocolError":
      return unread.has(reason.code)
    case "TransportError":
      return unmade.has(codeOf(reason.cause))
    case "ClosedError":
      return reason.sessionExpired === true
    // It was done, and its result is of a kind that nobody takes.
    case "UnsupportedError":
      return reason.result === undefined
    case "ToolError":
    case "ConfigurationError":
      return true
    case "LimitError":
    case "TimeoutError":
    case "ValidationError":
      return false
  }
}

/** Whether a call that failed so may have been run all the same: the server does not say that it was not. */
export const isUncertain = (error: unknown): boolean => isMcpError(error) && !isRefused(error.reason)

/** What kind of failure it was, without what was said in it. */
export const kindOf = (error: unknown): string =>
  isMcpError(error) ? error.reason._tag : error instanceof Error ? error.name : typeof error
