/** The source as a graph of modules, for tests of how it is built. */
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "oxc-parser"

export interface Module {
  /** From the folder of the source: `internal/turn/model.ts`. */
  readonly path: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
  readonly exports: ReadonlyArray<Export>
  /** Of the file, by the name that it declares: what stands right before it as a docstring. */
  readonly docs: ReadonlyMap<string, string>
  readonly functions: ReadonlyArray<{ readonly name: string; readonly lines: number }>
  /** Where a table of texts is read by a name that is computed: `limits[topic]`, `topic in limits`. */
  readonly lookups: ReadonlyArray<string>
  /** Calls that log more than a message: a failure, say. */
  readonly logged: ReadonlyArray<string>
}

export interface Import {
  /** A path of the source, or the name of a package as it is written. */
  readonly from: string
  readonly type: boolean
  /** By their names there; `undefined`: any of them. */
  readonly names: ReadonlyArray<string> | undefined
}

export interface Export {
  readonly name: string
  readonly type: boolean
  /** Where it is declared, if in another file, and by which name there. */
  readonly from: { readonly path: string; readonly name: string } | undefined
  readonly star: boolean
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value

const children = (node: Node): ReadonlyArray<Node> => Object.values(node).flat().filter(isNode)

const nameOf = (node: Node | undefined): string | undefined =>
  node !== undefined && "name" in node && typeof node.name === "string" ? node.name : undefined

/** Names that a top-level statement declares, and where it begins. */
const declared = (statement: Node): ReadonlyArray<string> => {
  const inner = "declaration" in statement && isNode(statement.declaration) ? statement.declaration : statement
  if ("declarations" in inner && Array.isArray(inner.declarations)) {
    return inner.declarations.flatMap((one: { readonly id: Node }) => nameOf(one.id) ?? [])
  }
  const name = "id" in inner && isNode(inner.id) ? nameOf(inner.id) : undefined
  return name === undefined ? [] : [name]
}

const textOf = (node: unknown, text: string): string => isNode(node) ? text.slice(node.start, node.end) : ""

const record = /\bRecord<string,|\bJsonObject\b/

const everyNode = (statements: ReadonlyArray<Node>): ReadonlyArray<Node> => {
  const all: Array<Node> = []
  const walk = (node: Node): void => {
    all.push(node)
    children(node).forEach(walk)
  }
  statements.forEach(walk)
  return all
}

const isLog = /\blog(?:Error|Warning|Fatal|Info)$/

const loggedOf = (all: ReadonlyArray<Node>, text: string): ReadonlyArray<string> => {
  const calls = all.flatMap((node) =>
    node.type === "CallExpression" && "callee" in node && "arguments" in node && Array.isArray(node.arguments)
      ? [{ node, callee: textOf(node.callee, text), given: node.arguments.filter(isNode) }]
      : []
  )
  return calls.flatMap(({ callee, given, node }) => {
    const [first, ...rest] = given
    const whole = rest.length > 0 || first?.type === "SpreadElement" ||
      first?.type === "Identifier" && /cause|error|defect|failure/i.test(textOf(first, text))
    if (isLog.test(callee)) return whole ? [textOf(node, text)] : []
    return /\.(?:tap|catch)\w*$/.test(callee) && given.some((one) => isLog.test(textOf(one, text)))
      ? [textOf(node, text)]
      : []
  })
}

/** Reads of what its file says is a table of texts, by a name that no file says. */
const lookupsOf = (all: ReadonlyArray<Node>, text: string): ReadonlyArray<string> => {
  const types: Array<string> = []
  const tables = new Set<string>()
  const isTable = (node: Node): boolean => record.test(textOf(node, text)) || types.includes(textOf(node, text))
  for (const node of all) {
    if (node.type !== "TSTypeAliasDeclaration" || !("typeAnnotation" in node)) continue
    if (/^(?:Readonly<)?Record<string,/.test(textOf(node.typeAnnotation, text)) && "id" in node) {
      types.push(textOf(node.id, text))
    }
  }
  for (const node of all) {
    const type = "typeAnnotation" in node && isNode(node.typeAnnotation) ? node.typeAnnotation : undefined
    if (type?.type !== "TSTypeAnnotation") continue
    const told = textOf(type, text).replace(/^:\s*/, "")
    if (
      !/^(?:Readonly<)?Record<string,|^(?:[\w.]+\.)?JsonObject\b/.test(told) &&
      !types.some((name) => told.startsWith(name))
    ) continue
    const name = node.type === "Identifier"
      ? nameOf(node)
      : "key" in node && isNode(node.key)
      ? nameOf(node.key)
      : undefined
    if (name !== undefined) tables.add(name)
  }
  const named = (node: unknown): boolean => {
    if (!isNode(node)) return false
    if (node.type === "Identifier") return tables.has(nameOf(node)!)
    if (node.type === "MemberExpression" && "property" in node && "computed" in node && node.computed === false) {
      return named(node.property)
    }
    if (node.type === "ChainExpression" || node.type === "ParenthesizedExpression") {
      return "expression" in node && named(node.expression)
    }
    return node.type === "TSAsExpression" && "typeAnnotation" in node && isNode(node.typeAnnotation) &&
      isTable(node.typeAnnotation)
  }
  return all.flatMap((node) => {
    const [table, key] = node.type === "MemberExpression" && "computed" in node && node.computed === true
      ? ["object" in node ? node.object : undefined, "property" in node ? node.property : undefined]
      : node.type === "BinaryExpression" && "operator" in node && node.operator === "in"
      ? ["right" in node ? node.right : undefined, "left" in node ? node.left : undefined]
      : []
    return isNode(key) && key.type !== "Literal" && named(table) ? [textOf(node, text)] : []
  })
}

/** What a text takes of a namespace; `undefined` where it is handed on whole. */
const members = (text: string, local: string): ReadonlyArray<string> | undefined => {
  const code = text.replace(/\/\*[^]*?\*\/|\/\/.*/g, "")
  if (new RegExp(`(?<![.\\w"'/])${local}\\b(?!\\s*[.:"'/])`).test(code)) return undefined
  return [...code.matchAll(new RegExp(`\\b${local}\\s*\\.\\s*(\\w+)`, "g"))].map(([, name]) => name!)
}

// Parsing all takes seconds, and not everybody asks for all.
const once = <A>(make: () => A): () => A => {
  let made: { readonly of: A } | undefined
  return () => (made ??= { of: make() }).of
}

export const parse = (path: string, text: string): Module => {
  const { comments, module, program } = parseSync(path, text)
  const resolve = (from: string) =>
    from.startsWith(".")
      ? posix.join(posix.dirname(path), from).replace(/^\.\.\/src\//, "")
      : from.replace(/^effect-voice\/(.*)$/, "$1.ts")

  const docs = new Map<string, string>()
  const statements: ReadonlyArray<Node> = program.body
  for (const statement of statements) {
    const before = comments.findLast(({ end }) => end <= statement.start)
    const near = before?.type === "Block" && before.value.startsWith("*") &&
      text.slice(before.end, statement.start).trim() === ""
    for (const name of declared(statement)) if (near) docs.set(name, before.value)
  }

  const functionsOf = () => {
    const functions: Array<{ readonly name: string; readonly lines: number }> = []
    const walk = (node: Node, name: string): void => {
      const own = "id" in node && isNode(node.id) ? nameOf(node.id) : undefined
      const keyed = "key" in node && isNode(node.key) ? nameOf(node.key) : undefined
      const called = own ?? keyed ?? name
      if (
        node.type === "FunctionDeclaration" || node.type === "FunctionExpression" ||
        node.type === "ArrowFunctionExpression"
      ) {
        functions.push({ name: called, lines: text.slice(node.start, node.end).split("\n").length })
      }
      for (const child of children(node)) walk(child, called)
    }
    for (const statement of statements) walk(statement, "")
    return functions
  }

  // Few rules ask what stands within, and none of them of the tests.
  const nodes = once(() => everyNode(statements))
  const functions = once(functionsOf)
  const lookups = once(() => lookupsOf(nodes(), text))
  const logged = once(() => loggedOf(nodes(), text))
  return {
    path,
    text,
    docs,
    get functions() {
      return functions()
    },
    get lookups() {
      return lookups()
    },
    get logged() {
      return logged()
    },
    imports: [
      ...module.staticImports.map(({ end, entries, moduleRequest, start }) => ({
        from: resolve(moduleRequest.value),
        type: entries.length > 0 && entries.every(({ isType }) => isType),
        names: entries.some(({ importName }) => importName.kind === "NamespaceObject")
          ? members(text.slice(0, start) + text.slice(end), entries[0]!.localName.value)
          : entries.flatMap(({ importName }) => importName.name ?? [])
      })),
      ...module.staticExports.flatMap(({ entries }) => {
        const from = entries.find(({ moduleRequest }) => moduleRequest !== null)?.moduleRequest?.value
        const names = entries.some(({ importName }) => importName.name === null)
          ? undefined
          : entries.flatMap(({ importName }) => importName.name ?? [])
        return from === undefined ? [] : [{ from: resolve(from), type: entries.every(({ isType }) => isType), names }]
      }),
      ...module.dynamicImports.map(({ moduleRequest }) => ({
        from: resolve(text.slice(moduleRequest.start + 1, moduleRequest.end - 1)),
        type: false,
        names: undefined
      }))
    ],
    exports: module.staticExports.flatMap(({ entries }) =>
      entries.map(({ exportName, importName, isType, localName, moduleRequest }) => ({
        name: exportName.name ?? "*",
        type: isType,
        star: importName.kind === "AllButDefault" || importName.kind === "All",
        from: moduleRequest === null
          ? undefined
          : { path: resolve(moduleRequest.value), name: importName.name ?? localName.name ?? "*" }
      }))
    )
  }
}

const root = fileURLToPath(new URL("../../src/", import.meta.url))

/** Those of a folder of the source, as they are written. */
export const texts = (folder: string): ReadonlyArray<Pick<Module, "path" | "text">> =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.includes("node_modules"))
    .map((file) => `${folder}${file.replaceAll("\\", "/")}`)
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${root}${path}`, "utf8") }))

const read = (folder: string): ReadonlyArray<Module> => texts(folder).map(({ path, text }) => parse(path, text))

/** The source. */
export const modules: () => ReadonlyArray<Module> = once(() => read(""))

/** Who else is written in this repository; their paths begin with `../`. */
export const others: () => ReadonlyArray<Module> = once(() => ["../test/", "../examples/", "../bench/"].flatMap(read))

/** Sets of modules that import each other, whether for values alone or for types, too. */
export const circles = (
  graph: ReadonlyArray<Module>,
  options: { readonly types: boolean }
): ReadonlyArray<ReadonlyArray<string>> => {
  const next = new Map(graph.map(({ imports, path }) => [
    path,
    imports.filter(({ type }) => options.types || !type).map(({ from }) => from)
  ]))
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: Array<string> = []
  const found: Array<ReadonlyArray<string>> = []
  const visit = (path: string): void => {
    order.set(path, order.size)
    lowest.set(path, order.get(path)!)
    stack.push(path)
    for (const target of next.get(path) ?? []) {
      if (!next.has(target)) continue
      if (!order.has(target)) visit(target)
      if (stack.includes(target)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!))
    }
    if (lowest.get(path) !== order.get(path)) return
    const circle = stack.splice(stack.indexOf(path))
    if (circle.length > 1) found.push(circle.toSorted())
  }
  for (const path of next.keys()) if (!order.has(path)) visit(path)
  return found
}
