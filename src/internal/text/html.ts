/**
 * Parts of a model's text that are for a page and not for speech: tags of HTML, its entities, and
 * signs of sources. A run holds no more than what may still become one of them.
 */
import type { Run } from "./transform.ts"

const longestTag = 200
const longestEntity = 12
const longestSource = 80
const longestCitation = 300

/** Characters for private use, between which OpenAI's models name what they cite. */
const [citing, cited] = ["\ue200", "\ue201"]

/** Tags after which another line begins. */
const lines = new Set("br p div li ul ol tr table h1 h2 h3 h4 h5 h6 hr blockquote pre section article".split(" "))

const inline = new Set(
  ("a abbr b big center cite code del dd dl dt em font i img ins kbd mark q s samp small span strike strong sub summary " +
    "details sup tbody td th thead tt u var").split(" ")
)

const entities: ReadonlyMap<string, string> = new Map(Object.entries({
  amp: "&",
  apos: "'",
  bull: "•",
  cent: "¢",
  copy: "©",
  deg: "°",
  divide: "÷",
  euro: "€",
  frac12: "½",
  gt: ">",
  hellip: "…",
  laquo: "«",
  ldquo: "“",
  lsquo: "‘",
  lt: "<",
  mdash: "—",
  nbsp: " ",
  ndash: "–",
  pound: "£",
  quot: "\"",
  raquo: "»",
  rdquo: "”",
  reg: "®",
  rsquo: "’",
  times: "×",
  trade: "™"
}))

/** An address between angles, as Markdown has it too. */
const address = /^<((?:https?:\/\/|mailto:|tel:)[^\s<>]+|[^\s<>@:/]+@[^\s<>@]+\.[^\s<>@]+)>$/i

const tagText = (tag: string): string => {
  if (tag.startsWith("<!--")) return ""
  const linked = address.exec(tag)?.[1]
  if (linked !== undefined) return linked.replace(/^(?:mailto|tel):/i, "")
  const name = /^<\/?([a-z][a-z0-9]*)(?:\s[^<>]*)?\/?>$/i.exec(tag)?.[1]?.toLowerCase() ?? ""
  return lines.has(name) ? "\n" : inline.has(name) ? "" : tag
}

const entityText = (entity: string): string => {
  const code = /^&#(?:(\d{1,7})|x([0-9a-f]{1,6}));$/i.exec(entity)
  if (code !== null) {
    const point = code[1] === undefined ? Number.parseInt(code[2] ?? "", 16) : Number(code[1])
    const isText = point >= 32 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)
    return isText ? String.fromCodePoint(point) : entity
  }
  return entities.get(entity.slice(1, -1)) ?? entity
}

const sourceText = (source: string): string => source.includes("†") ? "" : source

/** Whether what is held may go on with its last unit. */
const goesOn = (held: string): boolean => {
  const last = held.at(-1) ?? ""
  switch (held[0]) {
    case "<":
      return held.length <= longestTag && last !== "<" && last !== "\n" && (held.length > 2 || /[a-z/!]/i.test(last))
    case "&":
      return held.length <= longestEntity && /[a-z0-9#]/i.test(last)
    case citing:
      return held.length <= longestCitation
    default:
      return held.length <= longestSource && last !== "\n"
  }
}

const openers = /[<&【\ue200]/

class Reader implements Run {
  #held = ""

  readonly push = (chunk: string): string => {
    let out = ""
    for (let i = 0; i < chunk.length;) {
      if (this.#held === "") {
        const found = chunk.slice(i).search(openers)
        const at = found === -1 ? chunk.length : i + found
        out += chunk.slice(i, at)
        this.#held = chunk.charAt(at)
        i = at + 1
        continue
      }
      const unit = chunk.charAt(i)
      const held = this.#held + unit
      const isComment = held.startsWith("<!--")
      if (held[0] === "<" && unit === ">" && (!isComment || held.endsWith("-->"))) {
        out += tagText(held)
        this.#held = ""
      } else if (held[0] === "&" && unit === ";") {
        out += entityText(held)
        this.#held = ""
      } else if (held[0] === "【" && unit === "】") {
        out += sourceText(held)
        this.#held = ""
      } else if (held[0] === citing && unit === cited) {
        this.#held = ""
      } else if (goesOn(held)) {
        this.#held = held
      } else {
        // It is text; its last unit may begin another.
        out += this.#held
        this.#held = ""
        continue
      }
      i++
    }
    return out
  }

  readonly end = (): string => {
    const rest = this.#held
    this.#held = ""
    return rest
  }
}

export const open = (): Run => new Reader()
