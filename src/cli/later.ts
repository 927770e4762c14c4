/** What a command does, which is imported when it is wanted: a text of help needs a third of what there is to import. */
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import { missingPackage } from "./missingPackage.ts"

interface Program<Input, A, E, R> {
  readonly run: (input: Input) => Effect.Effect<A, E, R>
}

export const later = <Input, A, E, R>(
  load: () => Promise<Program<Input, A, E, R>>,
  input: Input
): Effect.Effect<A, E | CliError.UserError, R> =>
  Effect.promise(load).pipe(
    Effect.catchDefect((cause) => {
      const missing = missingPackage(cause)
      return missing === undefined ? Effect.die(cause) : Effect.fail(new CliError.UserError({ cause: missing }))
    }),
    Effect.flatMap(({ run }) => run(input))
  )
