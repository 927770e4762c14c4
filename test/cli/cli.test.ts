import { assert, describe, it } from "@effect/vitest"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { tooOld } from "../../src/cli/nodeVersion.ts"
import { ownSource } from "../../src/cli/ownSource.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

interface Options {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** A folder whose programs go before all others. */
  readonly path?: string
  /** Told each time that something was printed. */
  readonly onOutput?: (output: string, stop: (signal: NodeJS.Signals) => void) => void
}

const run = (args: ReadonlyArray<string>, { env, input, onOutput, path }: Options = {}) => {
  const { LIVEKIT_API_KEY: _key, LIVEKIT_API_SECRET: _secret, LIVEKIT_URL: _url, ...rest } = process.env
  const { promise, resolve } = Promise.withResolvers<
    { readonly code: number | null; readonly output: string; readonly errors: string }
  >()
  const child = spawn(process.execPath, ["--conditions", "effect-voice/source", "src/cli/main.ts", ...args], {
    cwd: root,
    env: {
      ...rest,
      NO_COLOR: "1",
      ...(path === undefined ? undefined : { PATH: `${path}${delimiter}${rest["PATH"]}` }),
      ...env
    }
  })
  let output = ""
  let errors = ""
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString()
    onOutput?.(output, (signal) => child.kill(signal))
  })
  child.stderr.on("data", (data: Buffer) => void (errors += data.toString()))
  child.on("close", (code) => resolve({ code, output, errors }))
  if (input !== undefined) child.stdin.end(input)
  return promise
}

describe.concurrent("effect-voice", () => {
  it("asks nobody where no key is set, and says what to do, as JSON too", async () => {
    const env = Object.fromEntries(
      [
        "ASSEMBLYAI_API_KEY",
        "CARTESIA_API_KEY",
        "DEEPGRAM_API_KEY",
        "ELEVENLABS_API_KEY",
        "OPENAI_API_KEY",
        "AZURE_SPEECH_KEY",
        "AZURE_SPEECH_REGION"
      ].map((
        name
      ) => [
        name,
        ""
      ])
    )
    const { code, output } = await run(["doctor", "--json", "--times", "1"], { env })
    assert.strictEqual(code, 1)
    const { problems, providers } = JSON.parse(output.slice(0, output.lastIndexOf("}") + 1))
    assert.deepStrictEqual(providers, [])
    assert.match(problems.join(), /no provider is set up: put a key into the environment, or name an agent's module/)
  })

  it("examines the providers of an agent's module", async () => {
    const { code, errors, output } = await run(["doctor", "test/cli/agent.ts", "--times", "2"])
    assert.match(errors, /^Each provider is asked 2 times: this takes some seconds/m)
    assert.match(output, /^stt deaf +2 of 2 /m)
    assert.match(output, /^llm .* 2 of 2 /m)
    assert.match(output, /most words were heard wrongly/)
    assert.isNumber(code)
  })

  it("tells what it can do", async () => {
    const { code, output } = await run(["--help"])
    assert.strictEqual(code, 0)
    for (const command of ["init", "dev", "start", "console", "connect", "doctor", "status"]) {
      assert.match(output, new RegExp(`^  ${command} `, "m"))
    }
    const version = await run(["--version"])
    assert.include(version.output, JSON.parse(readFileSync(`${root}package.json`, "utf8")).version)
    assert.include((await run(["--completions", "bash"])).output, "effect-voice")
  })

  it("says which Node it needs, where it is run by one that is too old", () => {
    for (const [version, works] of [["20.20.2", false], ["22.18.0", false], ["22.19.0", true]] as const) {
      const pretend =
        `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`
      const { status, stderr } = spawnSync(
        process.execPath,
        ["--conditions", "effect-voice/source", "--import", pretend, "src/cli/main.ts", "--version"],
        { cwd: root, encoding: "utf8" }
      )
      assert.deepStrictEqual([version, status], [version, works ? 0 : 1])
      if (!works) assert.include(stderr, `effect-voice needs Node 22.19 or newer, this is ${version.slice(0, 5)}`)
      assert.notInclude(stderr, "    at ")
    }
  })

  const mistakes: ReadonlyArray<readonly [args: ReadonlyArray<string>, ...says: ReadonlyArray<string>]> = [
    [["strt"], "Did you mean this?"],
    [["dev", "nowhere.ts"], "nowhere.ts: there is no such file"],
    [["dev", "test/cli/cli.test.ts"], "it cannot be imported"],
    [["console", "test/fixtures/speech.ts"], "export default Worker.define({ … })"],
    [["console", "test/cli/broken.ts"], "it cannot be imported: the database is away", "broken.ts:2:"],
    [["console", "--text", "test/cli/leaving.ts"], "leaving.ts: it ends the process where it is imported"],
    [["console", "--text", "test/cli/needy.ts"], "OPENAI_API_KEY is not set"],
    [
      ["console", "--text", "test/cli/lacking.ts"],
      "Vad is not provided: give its layer to Effect.provide",
      "Tts is not provided"
    ],
    [
      ["start", "test/cli/agent.ts"],
      "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET: not set",
      "Telephone.serve or WebSocketRoom.serve"
    ],
    [["console", "--text", "test/cli/agent"], "test/cli/agent: there is no such file: test/cli/agent.ts may be meant"],
    [
      ["status", "--port", "1"],
      "http://127.0.0.1:1: nobody answers; is the worker running, with this port (--port, --url)?"
    ],
    [["dev", "--no-playground", "test/cli/agent.ts"], "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET: not set"],
    [
      ["connect", "test/cli/agent.ts", "--room", "lobby"],
      "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET: not set"
    ],
    [["connect", "test/cli/agent.ts"], "--room"],
    [["connect", "nowhere.ts", "--room", " "], "flag --room", "a text that is not empty"],
    [["start", "nowhere.ts", "--port", "65536"], "flag --port", "a whole number from 0 to 65535"],
    [["start", "nowhere.ts", "--token", "sesamé"], "flag --token", "ASCII without line breaks"],
    [["start", "nowhere.ts", "--processes", "2", "--jobs", "1001"], "--jobs: from 1 to 1000 where there are"],
    [
      ["doctor", "test/cli/agent.ts", "--capture", "package.json"],
      "--capture: nothing can be written into package.json"
    ],
    [["doctor", "--words"], "name its folder with --capture"],
    [["status", "--url", "http://me:sesame@127.0.0.1:1"], "//…@127.0.0.1:1: is no address of a worker"]
  ]
  for (const [args, ...says] of mistakes) {
    it(`says what is wrong with "${args.join(" ")}" and what to do, and exits with 1`, async () => {
      const { code, errors, output } = await run(args)
      assert.strictEqual(code, 1)
      for (const part of says) assert.include(errors + output, part)
      assert.notInclude(errors, "    at ")
      assert.notInclude(errors, "sesame")
    })
  }

  it("says that the entry gave nothing to run, and what to return", async () => {
    const { code, errors, output } = await run(["console", "--text", "test/cli/unreturned.ts"])
    assert.strictEqual(code, 1)
    assert.include(errors + output, "entry must give what holds the conversation: return Pipeline.run(agent)")
  })

  it("logs a promise that nobody awaited, with its stack, and goes on", async () => {
    const { code, errors, output } = await run(["console", "--text", "test/cli/forgetful.ts"], {
      input: "Will it rain?\nAnd tomorrow?\n"
    })
    assert.strictEqual(code, 0)
    assert.match(errors + output, /a promise that nobody awaited was rejected/)
    assert.match(errors + output, /RangeError: it was not saved\n +at save .*forgetful\.ts/)
    assert.include(output, "agent  Sunny.")
  })

  it.each<readonly [string, string | undefined]>([
    ["18.20.4", "effect-voice needs Node 22.19 or newer, this is 18.20"],
    ["20.20.0", "effect-voice needs Node 22.19 or newer, this is 20.20"],
    ["22.18.0", "effect-voice needs Node 22.19 or newer, this is 22.18"],
    ["22.19.0", undefined],
    ["22.20.0-nightly", undefined],
    ["24.0.0", undefined],
    ["100.1.0", undefined]
  ])("says that Node %s is too old, or nothing", (version, says) => {
    assert.strictEqual(tooOld(version, ">=22.19.0"), says)
    assert.strictEqual(tooOld(version, "^22.19"), says)
  })

  it("says that Node is too old before anything else is loaded", async () => {
    const program = `
      Object.defineProperty(process.versions, "node", { value: "20.20.0" })
      import("./src/cli/main.ts")
    `
    const child = spawn(
      process.execPath,
      ["--conditions", "effect-voice/source", "--eval", program, "--", "--version"],
      {
        cwd: root
      }
    )
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => void (output += data.toString()))
    }
    const [code] = await once(child, "close")
    assert.deepStrictEqual([code, output], [1, "effect-voice needs Node 22.19 or newer, this is 20.20\n"])
  })

  it("keeps what is compiled for the next start and for the processes of a pool, where that can be written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "effect-voice-"))
    const fresh = { NODE_COMPILE_CACHE: "", TMPDIR: folder }
    const server = { LIVEKIT_URL: "ws://127.0.0.1:9", LIVEKIT_API_KEY: "k", LIVEKIT_API_SECRET: "s".repeat(32) }
    try {
      const pool = ["start", "test/cli/compiled.ts", "--port", "0", "--processes", "1"]
      const { output } = await run(pool, { env: { ...server, ...fresh } })
      const kept = new RegExp(`compiled in (${join(folder, "node-compile-cache")}\\S+?)[\\\\"\\s]`).exec(output)?.[1]
      assert.isDefined(kept, output)
      assert.isAbove(readdirSync(kept).length, 100, output)
      const { code, errors } = await run(["--version"], { env: { ...fresh, TMPDIR: join(root, "package.json") } })
      assert.deepStrictEqual([code, errors], [0, ""])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each<readonly [string, object | undefined, string]>([
    ["a registry", { dependencies: { "effect-voice": "^1.2.0" } }, "^1.2.3"],
    ["npx", undefined, "^1.2.3"],
    ["a tarball", { dependencies: { "effect-voice": "file:../effect-voice.tgz" } }, "file:ROOT/effect-voice.tgz"],
    ["an address", { devDependencies: { "effect-voice": "https://h.test/e.tgz" } }, "https://h.test/e.tgz"]
  ])("names what a project installs of a package from %s", (_, manifest, source) => {
    const folder = mkdtempSync(join(tmpdir(), "effect-voice-"))
    try {
      const project = join(folder, "project")
      mkdirSync(project)
      if (manifest !== undefined) writeFileSync(join(project, "package.json"), JSON.stringify(manifest))
      assert.strictEqual(
        ownSource(join(project, "node_modules", "effect-voice"), "1.2.3"),
        source.replace("ROOT", folder)
      )
      assert.strictEqual(ownSource(join(folder, "clone"), "1.2.3"), `file:${join(folder, "clone")}`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("says which flag chooses another port, and who listens there", async () => {
    const listen = async (answer: string) => {
      const server = createServer((_, response) => void response.end(answer))
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      return { server, port: String(typeof address === "object" ? address?.port : "") }
    }
    const worker = await listen(JSON.stringify({ status: "ok", oldestJobMs: 0 }))
    const other = await listen("hello")
    const env = {
      LIVEKIT_URL: "ws://127.0.0.1:9",
      LIVEKIT_API_KEY: "devkey",
      LIVEKIT_API_SECRET: "secret-at-least-thirty-two-characters"
    }
    try {
      const start = ["start", "test/cli/agent.ts", "--port"]
      const tried = await Promise.all([
        run([...start, worker.port], { env }),
        run([...start, other.port], { env }),
        run([...start, "0"], { env: { ...env, METRICS_PORT: other.port } }),
        run(["dev", "test/cli/agent.ts", "--playground-port", other.port])
      ])
      const said = [
        `port ${worker.port} is in use by another worker of effect-voice; choose another with --port`,
        `port ${other.port} is in use by another program; choose another with --port`,
        `port ${other.port} is in use by another program; choose another with METRICS_PORT`,
        `port ${other.port} is in use: choose another with --playground-port`
      ]
      tried.forEach(({ code, errors, output }, index) => {
        assert.strictEqual(code, 1)
        assert.include(errors + output, said[index]!)
      })
    } finally {
      worker.server.close()
      other.server.close()
    }
  })

  it("names what is missing of the server's settings, and no value", async () => {
    const { errors } = await run(["dev", "test/cli/agent.ts"], {
      env: { LIVEKIT_URL: "ws://127.0.0.1:1", LIVEKIT_API_SECRET: "s3cret" }
    })
    assert.include(errors, "LIVEKIT_API_KEY: not set")
    assert.notInclude(errors, "s3cret")
  })

  it("logs in writing what it is told to log", async () => {
    const { output } = await run(["console", "--text", "test/cli/agent.ts", "--log-level", "info"], { input: "" })
    assert.include(output, "INFO")
    assert.include(output, "the conversation is over")
  })

  it("talks in writing", async () => {
    const { code, errors, output } = await run(["console", "--text", "test/cli/agent.ts"], {
      input: "What is the weather?\n"
    })
    assert.strictEqual(code, 0, errors)
    assert.include(output, "you    What is the weather?")
    assert.include(output, "agent  Sunny.")
    assert.notInclude(output, "INFO")
  })

  it("gives the job of a console the metadata that it is told", async () => {
    const { output } = await run(["console", "--text", "test/cli/aboutJob.ts", "--metadata", "{\"tenant\":\"sole\"}"], {
      input: ""
    })
    assert.include(output, "You are calling sole.")
  })

  it("answers each line of a program, and then the next", async () => {
    const { code, errors, output } = await run(["console", "--text", "test/cli/echo.ts"], {
      input: "a\nb\n\nlook it up\nc"
    })
    assert.strictEqual(code, 0, errors)
    assert.deepStrictEqual(output.split("\n").filter((line) => /^(you|agent)/.test(line)), [
      "agent  Echo desk.",
      "you    a",
      "agent  You said a.",
      "you    b",
      "agent  You said b.",
      "you    look it up",
      "agent  You said look it up.",
      "you    c",
      "agent  You said c."
    ])
  })

  it("lets nothing that is said command the terminal", async () => {
    const { code, errors, output } = await run(["console", "--text", "test/cli/echo.ts"], {
      input: "one \u001b]52;c;eA==\u0007\u001b[2J two \u009b2J three \u202efour\n"
    })
    assert.strictEqual(code, 0, errors)
    assert.notMatch(output.replaceAll("\n", ""), /[\p{Cc}\u202a-\u202e]/u)
    assert.match(output, /^agent {2}You said one .*two .*three .*four\.$/m)
  })

  it.each([
    ["once", "the conversation is over (closed)", "an answer has failed; see above"],
    ["always\n\nalways\n\nalways", "the conversation is over (provider_failures)", "the conversation broke off"]
  ])("fails where the model does: %j", async (input, over, said) => {
    const { code, errors, output } = await run(["console", "--text", "test/cli/echo.ts"], { input: `${input}\n` })
    assert.strictEqual(code, 1, output)
    assert.include(output, over)
    assert.include(errors + output, said)
  })

  it("leaves at Ctrl-C, in good order", async () => {
    let asked = false
    const { code, errors, output } = await run(["console", "--text", "test/cli/agent.ts"], {
      onOutput: (output, stop) => {
        if (asked || !output.includes("Weather desk")) return
        asked = true
        stop("SIGINT")
      }
    })
    assert.strictEqual(code, 0, errors)
    assert.include(output, "the conversation is over (closed)")
  })
})

/** Stands in for sox: one second of loud noise and then silence is what it records, and what it plays is kept. */
const sox = (folder: string) =>
  `#!/usr/bin/env node
const fs = require("node:fs")
if (process.argv.includes("--version")) process.exit(0)
if (process.argv.at(-1) === "-d") process.stdin.pipe(fs.createWriteStream(${
    JSON.stringify(join(folder, "played.raw"))
  }))
else {
  let frame = 0
  setInterval(() => {
    const samples = Int16Array.from({ length: 320 }, (_, i) => frame < 50 ? Math.sin(i / 4) * 16000 : 0)
    frame++
    process.stdout.write(new Uint8Array(samples.buffer))
  }, 20)
}
`

describe("effect-voice console, with microphone and loudspeaker", () => {
  it.skipIf(process.platform === "win32")("hears what is said and plays the answer", async () => {
    const folder = mkdtempSync(join(tmpdir(), "effect-voice-"))
    try {
      writeFileSync(join(folder, "sox"), sox(folder))
      chmodSync(join(folder, "sox"), 0o755)
      let asked = false
      const { output } = await run(["console", "test/cli/agent.ts"], {
        path: folder,
        onOutput: (output, stop) => {
          if (asked || !/agent {2}Sunny/.test(output)) return
          asked = true
          stop("SIGINT")
        }
      })
      assert.include(output, "through sox")
      assert.include(output, "you    And tomorrow?")
      const played = existsSync(join(folder, "played.raw")) ? readFileSync(join(folder, "played.raw")) : Buffer.alloc(0)
      assert.isAbove(played.length, 2 * 24_000 * 0.25)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
