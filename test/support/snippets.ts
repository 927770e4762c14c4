/** The programs that pages and docstrings show. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { texts } from "./source.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

export interface Snippet {
  /** The file that it becomes. */
  readonly name: string
  readonly code: string
}

export const guides = readdirSync(`${root}docs`).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)
export const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "AGENTS.md", ...guides]

/** The files that the tutorial builds, which import each other. */
export const tutorial = new Map(
  readdirSync(`${root}examples/hotel`).map((file) => [read(`examples/hotel/${file}`), file] as const)
)

/** Those of the guides, which are compiled and run where they are. */
export const tasks = new Set(readdirSync(`${root}examples/guides`).map((file) => read(`examples/guides/${file}`)))

/** Those of pages. */
export const snippets: ReadonlyArray<Snippet> = documents.flatMap((document) =>
  [...read(document).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], i) => ({
    name: tutorial.get(code!) ?? `${document.replace("/", "-").replace(".md", "")}-${i + 1}.ts`,
    code: code!
  }))
)

/** Those of docstrings, as an editor shows them. */
export const hovers: ReadonlyArray<Snippet> = texts("").flatMap(({ path, text }) =>
  [...text.matchAll(/^ \* ```ts\n(.*?)^ \* ```$/gms)].map(([, code], i) => ({
    name: `hover-${path.replaceAll("/", "-").replace(".ts", "")}-${i + 1}.ts`,
    code: `${code!.replaceAll(/^ \* ?/gm, "")}\nexport {}\n`
  }))
)
