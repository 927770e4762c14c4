/** What runs inside a session knows about itself. */
import * as Context from "effect/Context"

/** The speech on whose behalf a tool runs. */
export const CurrentSpeech: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "effect-voice/Session/CurrentSpeech",
  { defaultValue: () => undefined }
)

/** Facts about the job in which sessions are opened, for those that are not told. */
export const CurrentJob: Context.Reference<Readonly<Record<string, string>>> = Context.Reference<
  Readonly<Record<string, string>>
>("effect-voice/Session/CurrentJob", { defaultValue: () => ({}) })

/** Conversations are held in writing: nobody hears the agent, and its words come as they are written. */
export const InWriting: Context.Reference<boolean> = Context.Reference<boolean>("effect-voice/Session/InWriting", {
  defaultValue: () => false
})
