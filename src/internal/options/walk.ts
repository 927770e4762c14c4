/** What was given beside its schema: each option, and each record of them, with the names that lead there. Pure. */
import * as SchemaAST from "effect/SchemaAST"

/** The name of what is within: `endpointing.minDelay`. */
export const below = (where: string, name: PropertyKey): string =>
  where === "" ? String(name) : `${where}.${String(name)}`

/** The names that lead to what an issue of a schema is about. */
export const namesIn = (path: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }>): ReadonlyArray<PropertyKey> =>
  path.map((one) => typeof one === "object" ? one.key : one)

/** All that is found, where one looks at everything in its place. */
export const walk = <A>(
  ast: SchemaAST.AST,
  given: unknown,
  where: string,
  look: (ast: SchemaAST.AST, given: unknown, where: string) => ReadonlyArray<A>
): ReadonlyArray<A> => {
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap((one) => walk(one, given, where, look))
  const found = look(ast, given, where)
  if (SchemaAST.isObjects(ast) && typeof given === "object" && given !== null) {
    const record = given as Readonly<Record<PropertyKey, unknown>>
    const inside = ast.propertySignatures.flatMap(({ name, type }) =>
      record[name] === undefined ? [] : walk(type, record[name], below(where, name), look)
    )
    return [...found, ...inside]
  }
  if (SchemaAST.isArrays(ast) && Array.isArray(given)) {
    const inside = given.flatMap((one, i) => ast.rest.flatMap((of) => walk(of, one, below(where, i), look)))
    return [...found, ...inside]
  }
  return found
}
