/** Words of the user that were no turn, and who is to see them. */
import * as Schema from "effect/Schema"

/**
 * Why words were set aside: signs of listening (`continuer`, `agreement`), a
 * request to wait (`hold`), the agent's own words that came back (`echo`), or what
 * the overlap classifier took for a sign (`classifier`).
 *
 * @category models
 * @since 0.1.0
 */
export const SetAside = Schema.Literals(["continuer", "agreement", "hold", "echo", "classifier"])

/**
 * @category models
 * @since 0.1.0
 */
export type SetAside = typeof SetAside.Type

/** Whether words say nothing to who goes on with the conversation: a mere sound, or not the user's at all. */
export const saysNothing = (reason: SetAside | undefined): boolean => reason === "continuer" || reason === "echo"
