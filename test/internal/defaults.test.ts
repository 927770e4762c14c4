/** What a docstring says of a default is what the schema of the options fills in: both are read from the source. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "oxc-parser"
import { lengthOf } from "../../src/internal/options/duration.ts"

type Node = { readonly type: string; readonly start: number; readonly end: number; readonly [key: string]: any }

interface File {
  readonly path: string
  readonly text: string
  readonly comments: ReadonlyArray<{ readonly value: string; readonly start: number; readonly end: number }>
  readonly body: ReadonlyArray<Node>
}

interface Place {
  readonly file: File
  readonly node: Node
}

const children = (node: Node): ReadonlyArray<Node> =>
  Object.values(node).flat().filter((value): value is Node => typeof value?.type === "string")

const root = fileURLToPath(new URL("../../src/", import.meta.url))

const files: ReadonlyMap<string, File> = new Map(
  readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts")).map((path) => {
    const text = readFileSync(root + path, "utf8")
    const { comments, program } = parseSync(path, text)
    return [path, { path, text, comments, body: program.body as unknown as ReadonlyArray<Node> }]
  })
)

/** What a name of a file stands for: a declaration of it, or of the file that it is imported from. */
const declared = (file: File, name: string): Place | undefined => {
  for (const statement of file.body) {
    const from = statement["source"]?.value
    for (const specifier of from?.startsWith(".") ? statement["specifiers"] ?? [] : []) {
      const local = (specifier.local ?? specifier.exported).name
      if (local !== name && specifier.exported?.name !== name) continue
      const other = files.get(posix.join(posix.dirname(file.path), from))
      if (other === undefined) return undefined
      return specifier.type === "ImportNamespaceSpecifier"
        ? { file: other, node: specifier }
        : declared(other, (specifier.imported ?? specifier.local).name)
    }
    const inner = statement["declaration"] ?? statement
    if (inner.id?.name === name) return { file, node: inner }
    for (const one of inner.declarations ?? []) if (one.id.name === name) return { file, node: one.init }
  }
  return undefined
}

/** A name, or one of a namespace. */
const named = (file: File, node: Node): Place | undefined => {
  if (node.type === "Identifier") return declared(file, node["name"])
  const [left, right] = [node["left"] ?? node["object"], node["right"] ?? node["property"]]
  const space = left?.type === "Identifier" ? declared(file, left.name) : undefined
  return space?.node.type === "ImportNamespaceSpecifier" ? declared(space.file, right.name) : undefined
}

/** The options of a type, each with where it is documented. */
const members = (file: File, node: Node): ReadonlyMap<string, Place> => {
  const all = (nodes: ReadonlyArray<Node>) => new Map(nodes.flatMap((one) => [...members(file, one)]))
  switch (node.type) {
    case "TSTypeLiteral":
      return new Map(node["members"].map((member: Node) => [member["key"].name, { file, node: member }]))
    case "TSInterfaceDeclaration":
      return new Map([
        ...all(node["extends"]),
        ...node["body"].body.map((member: Node) => [member["key"].name, { file, node: member }] as const)
      ])
    case "TSUnionType":
    case "TSIntersectionType":
      return all(node["types"])
    case "TSParenthesizedType":
      return members(file, node["typeAnnotation"])
    case "TSIndexedAccessType": {
      const option = members(file, node["objectType"]).get(node["indexType"].literal?.value)
      return option === undefined ? new Map() : members(option.file, option.node["typeAnnotation"].typeAnnotation)
    }
    case "TSTypeAliasDeclaration":
      return members(file, node["typeAnnotation"])
  }
  const name: Node | undefined = node["typeName"] ?? node["expression"]
  if (name === undefined) return new Map()
  if (/^(?:NonNullable|Omit|Pick|Partial|Required)$/.test(name["name"])) {
    return members(file, node["typeArguments"].params[0])
  }
  const place = named(file, name)
  return place === undefined ? new Map() : members(place.file, place.node)
}

/** The fields of a struct, those of others that are spread into it, too. */
const fields = (file: File, node: Node): ReadonlyMap<string, Place> => {
  if (node.type === "ObjectExpression") {
    return new Map(
      node["properties"].flatMap((property: Node): ReadonlyArray<readonly [string, Place]> =>
        property.type === "SpreadElement"
          ? [...fields(file, property["argument"])]
          : [[property["key"].name, { file, node: property["value"] }]]
      )
    )
  }
  const place = named(file, node)
  return place === undefined ? new Map() : fields(place.file, place.node)
}

const isStruct = (node: Node): boolean =>
  node.type === "CallExpression" && node["callee"].type === "CallExpression" &&
  node["callee"].callee.type === "MemberExpression" && node["callee"].callee.property.name === "struct"

const structs = (node: Node): ReadonlyArray<Node> => [
  ...isStruct(node) ? [node] : [],
  ...children(node).flatMap(structs)
]

/** The value of a plain expression: a number, a text, a switch. */
const valueOf = (file: File, node: Node): unknown => {
  if (node.type === "Literal") return node["value"]
  if (node.type === "UnaryExpression") return -Number(valueOf(file, node["argument"]))
  if (node.type === "BinaryExpression") {
    return Number(valueOf(file, node["left"])) * Number(valueOf(file, node["right"]))
  }
  if (node.type === "Identifier" && node["name"] === "Infinity") return Infinity
  const place = named(file, node)
  return place === undefined ? undefined : valueOf(place.file, place.node)
}

/** What a field fills in; `undefined` where it fills in nothing, or what is no plain value. */
const filled = ({ file, node }: Place): unknown => {
  if (node.type === "Identifier" || node.type === "MemberExpression") {
    const place = named(file, node)
    return place === undefined ? undefined : filled(place)
  }
  if (isStruct(node)) return undefined
  for (const property of node.type === "ObjectExpression" ? node["properties"] : []) {
    if (property.key?.name === "default") return valueOf(file, property.value)
  }
  for (const child of children(node)) {
    const found = child.type === "Identifier" ? undefined : filled({ file, node: child })
    if (found !== undefined) return found
  }
  return undefined
}

/** What a docstring says. */
const documented = ({ file, node }: Place): string | undefined => {
  const comment = file.comments.findLast(({ end }) => end <= node.start)
  if (comment === undefined || file.text.slice(comment.end, node.start).trim() !== "") return undefined
  return /@default\s+(.*)/.exec(comment.value)?.[1]?.trim()
}

const same = (filled: unknown, told: string | undefined): boolean => {
  const [, text, word] = /^(?:"([^"]*)"|([^\s:,;]+))/.exec(told ?? "") ?? []
  if (text !== undefined) return text === filled || lengthOf(text) === lengthOf(filled)
  return String(filled) === word || lengthOf(filled) === Number(word?.replaceAll("_", "") ?? Number.NaN)
}

const all = [...files.values()].flatMap((file) =>
  file.body.flatMap(structs).flatMap((node) => {
    const [type] = node["callee"].typeArguments.params
    const options = members(file, type)
    return [...fields(file, node["arguments"][0])].map(([name, field]) => ({
      file: file.path,
      name,
      filled: filled(field),
      option: options.get(name)
    }))
  })
)

describe("an option's default", () => {
  it("is in its docstring what it is in the schema", () => {
    const told = all.filter(({ filled }) => filled !== undefined)
    assert.isAbove(told.length, 150)
    const wrong = told.filter(({ filled, option }) => option === undefined || !same(filled, documented(option))).map((
      { file, filled, name, option }
    ) => `${file}: ${name} is ${filled}, and said to be ${option === undefined ? "nowhere" : documented(option)}`)
    assert.deepStrictEqual(wrong, [])
  })

  it("would be seen if it were another", () => {
    assert.isTrue(same("2 seconds", "\"2 seconds\""))
    assert.isTrue(same(16_000, "16000: of speech"))
    assert.isTrue(same(true, "true"))
    assert.isFalse(same("2 seconds", "\"3 seconds\""))
    assert.isFalse(same(16_000, undefined))
    assert.isFalse(same(false, "true"))
  })
})
