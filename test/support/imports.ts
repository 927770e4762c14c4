/** Imported before a test's process begins: `effect-voice` and all below it are the source, as `tsconfig.json` says. */
import { registerHooks } from "node:module"

const source = new URL("../../src/", import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) => {
    const path = /^effect-voice(?:\/(.+))?$/.exec(specifier)
    return path === null ? next(specifier, context) : next(`${source}${path[1] ?? "index"}.ts`, context)
  }
})
