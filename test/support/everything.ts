/** The reference server of MCP, installed from npm into a folder of its own, once a machine. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const version = "2026.8.31"

/** Its program; `undefined` where it cannot be had, which is said. */
export const everything = (): string | undefined => {
  const folder = join(tmpdir(), `effect-voice-mcp-${version}`)
  const program = join(folder, "node_modules/@modelcontextprotocol/server-everything/dist/index.js")
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  const name = `@modelcontextprotocol/server-everything@${version}`
  spawnSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", name], {
    timeout: 60_000,
    stdio: "ignore"
  })
  if (existsSync(program)) return program
  process.stdout.write(`skipped: ${name} cannot be installed\n`)
  return undefined
}
