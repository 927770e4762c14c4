/** The public functions that take options, as the source declares them. */
import { readdirSync, readFileSync } from "node:fs"
import { parseSync } from "oxc-parser"

export interface Taker {
  /** `Llm.hedge` */
  readonly name: string
  /** What it takes, as it is written: `HedgeOptions`. */
  readonly type: string
  readonly file: string
}

type Node = { readonly type: string; readonly start: number; readonly end: number; readonly [key: string]: any }

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value

const functions = new Set(["ArrowFunctionExpression", "FunctionExpression", "FunctionDeclaration", "TSFunctionType"])

/** Functions that stand in no other; of overloads each. */
const outermost = (node: unknown): ReadonlyArray<Node> => {
  if (!isNode(node)) return []
  if (functions.has(node.type) || node.type === "TSCallSignatureDeclaration") return [node]
  return Object.values(node).flat().flatMap(outermost)
}

const isOptions = /^(?:options|policy|budget|settings|provider|synthesizer)$/

// `layerConfig` gives what it is told to `layer`.
const isConfig = /^(?:Effect)?Config\.Wrap\b/

const takersIn = (file: string, text: string): ReadonlyArray<Taker> => {
  const statements: ReadonlyArray<Node> = parseSync(file, text).program.body
  const typeOf = (node: Node | undefined) =>
    node === undefined ? "" : text.slice(node.start, node.end).replace(/^:\s*/, "").replaceAll(/\s+/g, " ")
  return statements.flatMap(({ declaration }) => {
    const declared: ReadonlyArray<Node> = declaration?.type === "VariableDeclaration"
      ? declaration.declarations
      : declaration?.type === "FunctionDeclaration"
      ? [declaration]
      : []
    return declared.flatMap((one) =>
      outermost(one.type === "FunctionDeclaration" ? one : one.id.typeAnnotation ?? one.init).flatMap(({ params }) =>
        (params as ReadonlyArray<Node>).flatMap((given) => {
          const { name, typeAnnotation } = given.type === "AssignmentPattern" ? given.left : given
          const type = typeOf(typeAnnotation)
          const module = file.replace(/^Layers\/|\.ts$/g, "").replace(/^testing\/.*/, "Testing")
          return isOptions.test(name ?? "") && !isConfig.test(type)
            ? [{ name: `${module}.${one.id.name}`, type, file }]
            : []
        })
      )
    )
  })
}

const root = new URL("../../src/", import.meta.url)

const inFolder = (folder: string, is: RegExp): ReadonlyArray<Taker> =>
  readdirSync(new URL(folder, root)).filter((name) => is.test(name)).flatMap((name) =>
    takersIn(`${folder}${name}`, readFileSync(new URL(`${folder}${name}`, root), "utf8"))
  )

const all = () => [...inFolder("", /^[A-Z]\w*\.ts$/), ...inFolder("Layers/", /\.ts$/), ...inFolder("testing/", /\.ts$/)]

/** Those of the nouns, of the layers, and of the testing kit, whose names are `published`. */
export const takers = (published: Readonly<Record<string, unknown>>): ReadonlyArray<Taker> =>
  all().filter(({ name }) => !name.startsWith("Testing.") || name.slice("Testing.".length) in published)
