import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

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

describe("effect-voice", () => {
  it("tells what it can do", async () => {
    const { code, output } = await run(["--help"])
    assert.strictEqual(code, 0)
    for (const command of ["dev", "start", "console", "connect"]) {
      assert.match(output, new RegExp(`^  ${command} `, "m"))
    }
    const version = await run(["--version"])
    assert.include(version.output, JSON.parse(readFileSync(`${root}package.json`, "utf8")).version)
    assert.include((await run(["--completions", "bash"])).output, "effect-voice")
  })

  const mistakes: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string]> = [
    [["strt"], "Did you mean this?"],
    [["dev", "nowhere.ts"], "nowhere.ts: there is no such file"],
    [["dev", "test/cli/cli.test.ts"], "it cannot be imported"],
    [["console", "test/fixtures/speech.ts"], "export default Worker.define({ … })"],
    [["console", "test/cli/broken.ts"], "it cannot be imported: the database is away"],
    [["console", "test/cli/broken.ts"], "broken.ts:2:"],
    [["console", "--text", "test/cli/needy.ts"], "OPENAI_API_KEY is not set"],
    [["start", "test/cli/agent.ts"], "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET: not set"],
    [["dev", "--no-playground", "test/cli/agent.ts"], "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET: not set"],
    [
      ["connect", "test/cli/agent.ts", "--room", "lobby"],
      "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET: not set"
    ],
    [["connect", "test/cli/agent.ts"], "--room"]
  ]
  for (const [args, says] of mistakes) {
    it(`says what is wrong with "${args.join(" ")}" and what to do, and exits with 1`, async () => {
      const { code, errors, output } = await run(args)
      assert.strictEqual(code, 1)
      assert.include(errors + output, says)
      assert.notInclude(errors, "    at ")
    })
  }

  it("names what is missing of the server's settings, and no value", async () => {
    const { errors } = await run(["dev", "test/cli/agent.ts"], {
      env: { LIVEKIT_URL: "ws://127.0.0.1:1", LIVEKIT_API_SECRET: "s3cret" }
    })
    assert.include(errors, "LIVEKIT_API_KEY: not set")
    assert.notInclude(errors, "s3cret")
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
