/** Why tools cannot be put together; `Tools` gives these to everybody. */
import * as Schema from "effect/Schema"

/**
 * Two tools have the same name. Rename one, or use `replace`.
 *
 * @category errors
 * @since 0.1.0
 */
export class DuplicateTool extends Schema.TaggedError<DuplicateTool>("effect-voice/Tools/DuplicateTool")(
  "DuplicateTool",
  { tool: Schema.String }
) {
  override get message(): string {
    return `there are two tools named ${this.tool}: rename one, or put it in with Tools.replace`
  }
}

/**
 * An agent has a tool of a toolkit whose handlers it was not given. Give it the
 * layer of them: `Agent.provide(agent, Kit.toLayer({ … }))`.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoHandler extends Schema.TaggedError<NoHandler>("effect-voice/Tools/NoHandler")(
  "NoHandler",
  { tool: Schema.String, agent: Schema.String }
) {
  override get message(): string {
    return `the tool ${this.tool} of the agent ${this.agent} has no handler: ` +
      "give the agent the handlers of its toolkit with Agent.provide(agent, kit.toLayer({ … }))"
  }
}
