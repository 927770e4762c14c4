/** Flags with the values that they take: what is wrong is told by the flag's name, before anything is imported. */
import * as Flag from "effect/cli/Flag"
import * as Redacted from "effect/Redacted"

/** A whole number within a range. */
export const whole = (name: string, { least, most }: { readonly least: number; readonly most: number }) =>
  Flag.Int(name).pipe(
    Flag.filter((value) => value >= least && value <= most, () => `a whole number from ${least} to ${most}`)
  )

/** A port, with the one that is meant where none is given. */
export const port = (name: string, fallback: number, description: string) =>
  whole(name, { least: 0, most: 65_535 }).pipe(
    Flag.withDescription(`${description}; 0 lets the system choose (default: ${fallback})`),
    Flag.withDefault(fallback)
  )

/** A text that says something. */
export const text = (name: string) =>
  Flag.String(name).pipe(Flag.filter((value) => value.trim() !== "", () => "a text that is not empty"))

/** A bearer token, as a header can carry it. */
export const token = (description: string) =>
  Flag.Redacted("token").pipe(
    Flag.filter(
      (value) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(Redacted.value(value)),
      () => "ASCII without line breaks, or spaces at its ends, as a header has it"
    ),
    Flag.withDescription(description),
    Flag.optional
  )

export const verbose = Flag.Boolean("verbose").pipe(
  Flag.withDescription("Log the details"),
  Flag.withDefault(false)
)
