/** The conversation that requests belong to, as `Llm` shows it. */
import * as Context from "effect/Context"
import type * as Scope from "effect/Scope"

/**
 * The conversation that a request belongs to. A session sets it for all its requests.
 *
 * **When to use**
 *
 * Use in a provider that keeps a state for each conversation, such as a connection to a server that
 * remembers what was said. The value is the same object for all requests of a session; `scope`
 * closes when the session has ended. Without a conversation, nothing outlives the request.
 *
 * @category services
 * @since 0.1.0
 */
export const Conversation: Context.Reference<{ readonly scope: Scope.Scope } | undefined> = Context.Reference<
  { readonly scope: Scope.Scope } | undefined
>("effect-voice/Llm/Conversation", { defaultValue: () => undefined })
