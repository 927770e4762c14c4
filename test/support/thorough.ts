/** How much of what can be held again and again is held: all of it in CI, where a developer sees enough in a part. */
import { Config, Effect } from "effect"

/** Whether thousands of random conversations are asked for: then everything else is held whole, too. */
export const thorough: boolean = Effect.runSync(Config.Int("EFFECT_VOICE_RUNS").pipe(Config.withDefault(0))) >= 1000
