/**
 * Imported before every process of Node that a test runs in or starts: a third of what it takes to import Effect and the source is
 * to find each of 600 files, for which Node asks the file system again and again. Here their names say where they are.
 */
import { readFileSync } from "node:fs"
import module from "node:module"

const source = new URL("../../src/", import.meta.url).href
const effect = new URL("./", import.meta.resolve("effect/package.json")).href
const platform = new URL("../@effect/platform-node", effect).href

/** @type {{ readonly exports: Readonly<Record<string, string | null>> }} */
const { exports } = JSON.parse(readFileSync(new URL("package.json", effect), "utf8"))

/** @param {string} url */
const compiled = (url) => ({ url, format: "module", shortCircuit: true })

// An older Node, that of the machine, has none: it finds them by itself.
module.registerHooks?.({
  resolve: (specifier, context, next) => {
    const { conditions, parentURL } = context
    if (parentURL === undefined || !conditions.includes("import")) return next(specifier, context)
    if (specifier.startsWith("./") || specifier.startsWith("../")) {
      if (parentURL.startsWith(source) && specifier.endsWith(".ts")) {
        return { url: new URL(specifier, parentURL).href, format: "module-typescript", shortCircuit: true }
      }
      if (specifier.endsWith(".js") && (parentURL.startsWith(effect) || parentURL.startsWith(platform))) {
        return compiled(new URL(specifier, parentURL).href)
      }
    } else if (specifier.startsWith("effect/") && !/\/(?:internal|index)(?:\/|$)/.test(specifier)) {
      const path = specifier.slice("effect/".length)
      return compiled(new URL(exports[`./${path}`] ?? `dist/${path}.js`, effect).href)
    }
    return next(specifier, context)
  }
})
