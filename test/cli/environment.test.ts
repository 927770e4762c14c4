import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** The command in a folder of its own, which `files` are written into. */
const run = async (args: ReadonlyArray<string>, files: Readonly<Record<string, string>>, input?: string) => {
  const folder = mkdtempSync(join(tmpdir(), "effect-voice-"))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    const { LIVEKIT_API_KEY: _key, LIVEKIT_API_SECRET: _secret, LIVEKIT_URL: _url, ...env } = process.env
    const { promise, resolve } = Promise.withResolvers<number | null>()
    const main = join(root, "src/cli/main.ts")
    const child = spawn(process.execPath, ["--conditions", "effect-voice/source", main, ...args], {
      cwd: folder,
      env: { ...env, NO_COLOR: "1" }
    })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => void (output += data.toString()))
    }
    child.on("close", resolve)
    // One that refuses its start may be gone before it reads.
    child.stdin.on("error", () => undefined)
    child.stdin.end(input ?? "")
    return { code: await promise, output }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const agent = join(root, "test/cli/agent.ts")
const tools = join(root, "test/cli/tools.ts")
const needy = join(root, "test/cli/needy.ts")

describe("effect-voice", () => {
  it("reads .env, or the file that it is told, and tells all that is wrong there at once", async () => {
    const env = "VAD_THRESHOLD=loud\nLIVEKIT_URL=ws://127.0.0.1:1\n"
    for (const [args, name] of [[[], ".env"], [["--env-file", "other.env"], "other.env"]] as const) {
      const { code, output } = await run(["start", needy, ...args], { [name]: env })
      assert.strictEqual(code, 1)
      for (const part of ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "OPENAI_API_KEY", "VAD_THRESHOLD must be"]) {
        assert.include(output, part)
      }
      assert.notInclude(output, "LIVEKIT_URL,")
    }
    const missing = await run(["console", "--text", agent, "--env-file", "nowhere.env"], {})
    // Node itself may be the first to miss it.
    assert.notStrictEqual(missing.code, 0)
    assert.include(missing.output, "nowhere.env:")
    for (const [args, name] of [[[], ".env"], [["--env-file", "keys.env"], "keys.env"]] as const) {
      const half = await run(["doctor", "--times", "1", ...args], { [name]: "AZURE_SPEECH_KEY=0123456789" })
      assert.include(half.output, "AZURE_SPEECH_REGION: not set, but AZURE_SPEECH_KEY is")
    }
    const spoilt = await run(["doctor", "--times", "1"], { ".env": "LIVEKIT_API_KEY='\"key\"'\nVAD_THRESHOLD=loud" })
    assert.include(spoilt.output, "LIVEKIT_API_KEY: the quotes are part of the value")
    assert.include(spoilt.output, "VAD_THRESHOLD: must be a decimal number")
    const unread = await run(["console", "--text", agent], { ".env": "VAD_THRESHOLD: 0.5" })
    assert.deepStrictEqual([unread.code, /^ +\.env: line 1: write NAME=value/m.test(unread.output)], [1, true])
    const nonsense = await run(["console", "--text", agent], { ".env": "INTERRUPT_MIN_WORDS=many" })
    assert.strictEqual(nonsense.code, 1)
    assert.include(nonsense.output, "INTERRUPT_MIN_WORDS must be a whole number")
  })

  it("says how a shell goes to a folder whose name looks like an option", async () => {
    assert.match((await run(["init", "--", "-x"], {})).output, /^ {2}cd \.\/-x$/m)
    assert.match((await run(["init", "~x"], {})).output, /^ {2}cd '~x'$/m)
  })

  it("shows in writing what a tool was asked and answers, without waiting until the voice has spoken", async () => {
    const began = performance.now()
    const { code, output } = await run(["console", "--text", tools], {}, "Two beds, please.\n")
    assert.strictEqual(code, 0, output)
    assert.include(output, "tool   find_room({\"beds\":2}) → room 200")
    assert.match(output, /agent {2}You have room two hundred, .* of the harbour\.\n/)
    assert.isBelow(performance.now() - began, 30_000)
  })
})
