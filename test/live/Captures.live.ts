/** The contracts against captures of one's own: the folder that `EFFECT_VOICE_CAPTURES` names. */
import { describe, it } from "@effect/vitest"
import { Config, Effect, Option } from "effect"
import { captures, contract } from "../contract/capture.ts"

const folder = Effect.runSync(Config.option(Config.String("EFFECT_VOICE_CAPTURES")))

if (Option.isNone(folder)) {
  describe.skip("captures: set EFFECT_VOICE_CAPTURES to a folder of effect-voice doctor", () =>
    it("is replayed", () => {}))
} else for (const capture of captures(folder.value)) contract(capture)
