/**
 * Time to import the built library, against the barrel `effect` alone: each in
 * a fresh process, in turns, best and median of so many. `loads` is how many
 * modules and kilobytes an import reads; `alone` is the time of one module of
 * ours by itself, dearest first. Needs `npm run build`. Prints JSON.
 */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = new URL("../", import.meta.url)
if (!existsSync(new URL("dist/index.js", root))) {
  process.stderr.write("dist is not there: run `npm run build` first\n")
  process.exit(1)
}
const rounds = Number(process.argv[2] ?? 15)

const run = (program: string): string =>
  execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: fileURLToPath(root),
    encoding: "utf8"
  })

const importing = (specifiers: ReadonlyArray<string>): number =>
  Number(run(`
    const start = performance.now()
    ${specifiers.map((specifier) => `await import(${JSON.stringify(specifier)})`).join("\n")}
    process.stdout.write(String(performance.now() - start))
  `))

const cases: Readonly<Record<string, ReadonlyArray<string>>> = {
  effect: ["effect"],
  effectVoice: ["effect-voice"],
  effectThenEffectVoice: ["effect", "effect-voice"],
  effectEffect: ["effect/Effect"],
  effectAi: ["effect/ai/LanguageModel"]
}
const samples = Object.fromEntries(Object.keys(cases).map((name) => [name, [] as Array<number>]))
for (let round = 0; round < rounds; round++) {
  for (const [name, specifiers] of Object.entries(cases)) samples[name]!.push(importing(specifiers))
}

const rounded = (value: number) => Number(value.toPrecision(3))
const best = (name: string) => Math.min(...samples[name]!)
const median = (name: string) => [...samples[name]!].sort((a, b) => a - b)[rounds >> 1]!

interface Loads {
  readonly modules: number
  readonly kilobytes: number
  readonly folders: Readonly<Record<string, { readonly modules: number; readonly kilobytes: number }>>
}

const loads = (specifier: string): Loads =>
  JSON.parse(run(`
    import { registerHooks } from "node:module"
    const folders = {}
    let modules = 0, bytes = 0
    registerHooks({
      load(url, context, next) {
        const loaded = next(url, context)
        const match = /(node_modules\\/(?:@[^/]+\\/)?[^/]+|dist)(?:\\/dist|\\/src)?((?:\\/[^/]+)*)\\/[^/]+$/.exec(url)
        if (match !== null) {
          const size = loaded.source?.length ?? 0
          const folder = folders[match[1].replace("node_modules/", "") + match[2]] ??= { modules: 0, kilobytes: 0 }
          folder.modules++
          folder.kilobytes += size / 1024
          modules++
          bytes += size
        }
        return loaded
      }
    })
    await import(${JSON.stringify(specifier)})
    const round = (kilobytes) => Math.round(kilobytes)
    process.stdout.write(JSON.stringify({
      modules,
      kilobytes: round(bytes / 1024),
      folders: Object.fromEntries(
        Object.entries(folders)
          .sort(([, a], [, b]) => b.kilobytes - a.kilobytes)
          .map(([name, folder]) => [name, { modules: folder.modules, kilobytes: round(folder.kilobytes) }])
      )
    }))
  `)) as Loads

const parts = run(`
  import * as all from "effect-voice"
  process.stdout.write(Object.keys(all).join(","))
`).split(",")
const alone = parts
  .map((part) => {
    const specifier = [`effect-voice/${part}`]
    return { part, milliseconds: rounded(Math.min(importing(specifier), importing(specifier), importing(specifier))) }
  })
  .sort((a, b) => b.milliseconds - a.milliseconds)

process.stdout.write(
  `${
    JSON.stringify(
      {
        bench: "import",
        node: process.version,
        rounds,
        ratio: rounded(best("effectVoice") / best("effect")),
        ratioOfMedians: rounded(median("effectVoice") / median("effect")),
        aim: 1.5,
        milliseconds: Object.fromEntries(
          Object.keys(cases).map((name) => [name, { best: rounded(best(name)), median: rounded(median(name)) }])
        ),
        loads: { effect: loads("effect"), effectVoice: loads("effect-voice") },
        alone
      },
      null,
      2
    )
  }\n`
)
