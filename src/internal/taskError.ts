/** Why a task gives no value. */
import * as Schema from "effect/Schema"

const details = {
  GivenUp: "was given up: the user will not, or cannot, tell",
  HandedOver: "is not done: the conversation was handed over to another agent",
  SessionEnded: "is not done: the session has ended",
  Deadlock: "cannot be awaited in onUserTurn: the user's turns wait for that"
} as const

/**
 * Why a task gives no value.
 *
 * **Details**
 *
 * - `GivenUp`: the model says that the user will not, or cannot, tell.
 * - `HandedOver`: the conversation was handed over to another agent meanwhile.
 * - `SessionEnded`: the session has ended.
 * - `Deadlock`: it was performed in `onUserTurn`, for which the user's turns wait.
 *
 * If a tool fails with it, the model reads its message.
 *
 * @category errors
 * @since 0.1.0
 */
export class TaskError extends Schema.TaggedError<TaskError>("effect-voice/Task/TaskError")("TaskError", {
  task: Schema.String,
  reason: Schema.Literals(["GivenUp", "HandedOver", "SessionEnded", "Deadlock"])
}) {
  override get message(): string {
    return `the task ${this.task} ${details[this.reason]}`
  }
}
