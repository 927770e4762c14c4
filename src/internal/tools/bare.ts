/**
 * Puts bare values of something like JSON into quotes: `{time: 10:30, city: New York}`. A value is bare up to
 * where the next field begins, so that commas within it stay. Numbers, `true`, `false` and `null` are
 * no texts, and what holds signs of JSON itself is left as it is. Linear in the text.
 */

const literals = new Set(["true", "false", "null", "True", "False", "None", "undefined"])

const isNumber = (value: string): boolean =>
  /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(value) && !/^-?0\d/.test(value)

/** Where a quoted text ends that begins at `at`. */
const quotedTo = (text: string, at: number): number => {
  const quote = text[at]
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++
    else if (text[i] === quote) return i + 1
  }
  return text.length
}

/** The same of one in apostrophes, which may have others within: `'it's me'`. */
const apostrophesTo = (text: string, at: number): number => {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++
    else if (text[i] === "'" && /^\s*(?:[,:}\]]|$)/.test(text.slice(i + 1, i + 20))) return i + 1
  }
  return quotedTo(text, at)
}

/** Where a comment ends that begins at `at`; `undefined` where none does. */
const commentTo = (text: string, at: number): number | undefined => {
  const isLine = text.startsWith("//", at)
  if (!isLine && !text.startsWith("/*", at)) return undefined
  const end = text.indexOf(isLine ? "\n" : "*/", at + 2)
  return end === -1 ? text.length : isLine ? end : end + 2
}

/** A field begins there: a name and a colon, which is none of a time or an address. */
const field = /\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\p{L}_$][\p{L}\p{N}_$-]*)\s*:(?!\/\/)/uy

const beginsField = (text: string, at: number): boolean => {
  field.lastIndex = at
  return field.test(text)
}

/** Where a bare value ends that begins at `at`. */
const bareTo = (text: string, at: number, inList: boolean): number => {
  for (let i = at; i < text.length; i++) {
    const sign = text[i]
    if (sign === "}" || sign === "]") return i
    if (sign === "/" && /\s/.test(text[i - 1] ?? "") && commentTo(text, i) !== undefined) return i
    if (sign === "," && (inList || beginsField(text, i + 1) || /^\s*[}\]]?\s*$/.test(text.slice(i + 1, i + 20)))) {
      return i
    }
    if (sign === "\n" && beginsField(text, i + 1)) return i
  }
  return text.length
}

/** The same with quotes; `undefined` where no bare value needs any. */
export const quoted = (text: string): string | undefined => {
  let out = ""
  let changed = false
  /** The brackets that are open, and whether a value is expected. */
  const open: Array<string> = []
  let isValue = false
  for (let at = 0; at < text.length;) {
    const sign = text[at]!
    const inList = open.at(-1) === "["
    const comment = commentTo(text, at)
    if (comment !== undefined) {
      at = comment
      changed = true
    } else if (sign === "\"" || sign === "'") {
      const to = sign === "'" ? apostrophesTo(text, at) : quotedTo(text, at)
      const inner = text.slice(at + 1, to - 1)
      const isPlain = sign === "'" && inner.includes("'") && !inner.includes("\\")
      out += isPlain ? JSON.stringify(inner) : text.slice(at, to)
      changed ||= isPlain
      at = to
      isValue = false
    } else if (sign === "{" || sign === "[") {
      open.push(sign)
      isValue = sign === "["
      out += sign
      at++
    } else if (sign === "}" || sign === "]") {
      open.pop()
      isValue = false
      out += sign
      at++
    } else if (sign === "," || sign === ":") {
      isValue = sign === ":" ? !inList : inList
      out += sign
      at++
    } else if (!isValue || /\s/.test(sign)) {
      out += sign
      at++
    } else {
      const to = bareTo(text, at, inList)
      const value = text.slice(at, to).trimEnd()
      // A field of which the comma is missing, a call, a comment, or quotation marks of print.
      const isOther = /"[^"]*"\s*:|[{[(\\]|\/\*|^[“”„‘’`]/.test(value)
      const isText = !literals.has(value) && !isNumber(value) && !isOther
      out += isText ? JSON.stringify(value) : value
      changed ||= isText
      at += value.length
      isValue = false
    }
  }
  return changed ? out : undefined
}
