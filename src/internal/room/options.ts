/** Options of what every room does, whoever it is made by. */
import type * as Duration from "effect/Duration"
import type { InvalidOptions } from "../../Failure.ts"
import type { OutputOptions, Participant, RoomError } from "../../Room.ts"
import * as Check from "../options.ts"
import { refuse } from "./errors.ts"

export const calling = Check.struct<{
  /** As long as LiveKit waits for the answer of a method. @default "15 seconds" */
  readonly timeout?: Duration.Input | undefined
}>()({
  timeout: Check.duration({ above: 0, default: "15 seconds" })
})

/** What a participant may be. */
export const kind = Check.oneOf<ReadonlyArray<Participant["kind"]>, {}>([
  "standard",
  "sip",
  "agent",
  "ingress",
  "egress",
  "connector",
  "bridge",
  "other"
])

/** What an output is without a wish. */
export const wishes = {
  name: Check.text({ default: "agent-audio" }),
  channels: Check.oneOf([1, 2] as ReadonlyArray<number>, { default: 1 })
}

export const wished = Check.struct<OutputOptions>()({
  ...wishes,
  sampleRate: Check.hertz({ least: 8000, most: 192_000, default: 24_000 })
})

export const refused = ({ message }: InvalidOptions): RoomError => refuse("InvalidOption", message)
