/** Loads each module that it is told of, as Node imports it, and prints what it has found or what is wrong, as JSON. */
import { Effect } from "effect"
import { load } from "../../src/cli/loadModule.ts"

const told = await Effect.runPromise(Effect.forEach(process.argv.slice(2), (file) =>
  Effect.match(load(file), {
    onFailure: ({ message }) => message,
    onSuccess: ({ definition }) => definition.agentName
  })))

process.stdout.write(JSON.stringify(told))
