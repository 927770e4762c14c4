/**
 * Parts of a model's text that are for a page and not for speech: tags of HTML, its entities, and
 * signs of sources. A run holds no more than what may still become one of them.
 */
import { entityText } from "./entities.ts"
import { raised } from "./raised.ts"
import { Tail } from "./tail.ts"
import type { Run } from "./transform.ts"

const longestTag = 200
/** Of one with an address, or a style. */
const longestAttributes = 2000
const longestComment = 4000
const longestEntity = 12
const longestSource = 80
const longestCitation = 300
const longestRaised = 20

/** Characters for private use, between which OpenAI's models name what they cite. */
const [citing, cited] = ["\ue200", "\ue201"]

/** Tags after which another line begins. */
const lines = new Set(
  ("br p div li ul ol tr table h1 h2 h3 h4 h5 h6 hr blockquote pre section article header footer main nav aside figure " +
    "figcaption caption form fieldset legend option dl dt dd address dialog menu details summary").split(" ")
)

const inline = new Set(
  ("a abbr acronym b bdi bdo big button center cite code col colgroup data del dfn em font i iframe img input ins kbd " +
    "label link mark meta noscript picture q rp rt ruby s samp select small source span strike strong sub svg tbody " +
    "textarea tfoot thead time tt u var video audio wbr html body head").split(" ")
)

/** Whose text is for the page, too. */
const silent = new Set("script style title".split(" "))

/** An address between angles, as Markdown has it too. */
const address = /^<((?:https?:\/\/|mailto:|tel:)[^\s<>]+|[^\s<>@:/]+@[^\s<>@]+\.[^\s<>@]+)>$/i

const nameOf = (tag: string): string => /^<\/?([a-z][a-z0-9]*)/i.exec(tag)?.[1]?.toLowerCase() ?? ""

const isKnown = (name: string): boolean =>
  lines.has(name) || inline.has(name) || silent.has(name) || name === "td" || name === "th" || name === "sup"

/** A power as other parts of a text have it; the voices know squares and cubes. */
const power = (exponent: string): string => exponent === "2" ? "²" : exponent === "3" ? "³" : `^${exponent}`

const sourceText = (source: string): string => /†|^【\d+(?::\d+)?】$/.test(source) ? "" : source

/** Whether what is held may go on with its last unit. */
const goesOn = (held: string): boolean => {
  const last = held.at(-1) ?? ""
  switch (held[0]) {
    case "<": {
      if (held.startsWith("<!--")) return held.length <= longestComment
      if (last === "<" || held.length === 2 && !/[a-z/!]/i.test(last)) return false
      const most = held.includes("=") ? longestAttributes : longestTag
      // Only a tag that is known may have a line break in it, or be long.
      return held.length <= most && (last !== "\n" || nameOf(held).length > 1 && isKnown(nameOf(held)))
    }
    case "&":
      return held.length <= longestEntity && /[a-z0-9#]/i.test(last)
    case citing:
      return held.length <= longestCitation
    default:
      return held.length <= longestSource && last !== "\n"
  }
}

const openers = /[<&【\ue200]/g

class Reader implements Run {
  #held = ""
  /** The quotation mark that an attribute of the tag has opened. */
  #quote = ""
  #out = ""
  /** The end of what was given. */
  readonly #tail = new Tail(12)
  /** Cells of a table stand side by side. */
  #hasCell = false
  /** The tag whose text is left out. */
  #silenced = ""
  /** What was raised so far. */
  #raised: string | undefined

  readonly push = (chunk: string): string => {
    if (this.#held === "" && this.#silenced === "" && this.#raised === undefined && chunk.search(openers) === -1) {
      this.#tail.push(chunk)
      return chunk
    }
    for (let i = 0; i < chunk.length;) {
      if (this.#held === "") {
        openers.lastIndex = i
        const at = openers.exec(chunk)?.index ?? chunk.length
        if (at > i) this.#give(chunk.slice(i, at))
        this.#held = chunk.charAt(at)
        i = at + 1
      } else if (this.#take(chunk.charAt(i))) i++
    }
    return this.#given()
  }

  readonly end = (): string => {
    this.#give(this.#held)
    this.#lower()
    this.#held = this.#quote = this.#silenced = ""
    this.#hasCell = false
    const out = this.#given()
    this.#tail.reset()
    return out
  }

  #given(): string {
    const out = this.#out
    this.#out = ""
    return out
  }

  #write(text: string) {
    this.#out += text
    this.#tail.push(text)
  }

  #give(text: string) {
    if (this.#silenced !== "") return
    if (this.#raised === undefined) this.#write(text)
    else {
      this.#raised += text
      if (this.#raised.length <= longestRaised) return
      this.#write(this.#raised)
      this.#raised = undefined
    }
  }

  /** Takes one more unit of what is held; false if it may begin something else. */
  #take(unit: string): boolean {
    const held = this.#held + unit
    if (held[0] === "<" && !held.startsWith("<!--")) {
      if (this.#quote === unit) this.#quote = ""
      else if (this.#quote === "" && (unit === "\"" || unit === "'") && this.#held.endsWith("=")) this.#quote = unit
    }
    if (held[0] === "<" && unit === ">" && this.#quote === "" && (!held.startsWith("<!--") || held.endsWith("-->"))) {
      this.#tag(held)
    } else if (held[0] === "&" && unit === ";") this.#give(entityText(held))
    else if (held[0] === "【" && unit === "】") this.#give(sourceText(held))
    else if (held[0] !== citing || unit !== cited) {
      if (goesOn(held)) {
        this.#held = held
        return true
      }
      this.#give(this.#held)
      this.#held = this.#quote = ""
      return false
    }
    this.#held = ""
    return true
  }

  #tag(tag: string) {
    if (tag.startsWith("<!--") || /^<!doctype\b/i.test(tag)) return
    const linked = address.exec(tag)?.[1]
    if (linked !== undefined) return this.#give(linked.replace(/^(?:mailto|tel):/i, ""))
    const name = /^<\/?[a-z][a-z0-9]*(?:\s[^]*)?\/?>$/i.test(tag) ? nameOf(tag) : ""
    const closes = tag.startsWith("</")
    if (this.#silenced !== "") {
      if (closes && name === this.#silenced) this.#silenced = ""
    } else if (silent.has(name)) {
      if (!closes && !tag.endsWith("/>")) this.#silenced = name
    } else if (name === "td" || name === "th") {
      if (!closes && this.#hasCell) this.#give(", ")
      this.#hasCell ||= closes
    } else if (name === "sup") {
      this.#lower()
      if (!closes) this.#raised = ""
    } else if (lines.has(name)) {
      this.#hasCell = false
      this.#give("\n")
    } else if (!inline.has(name)) this.#give(tag)
  }

  /** Nothing more is raised. */
  #lower() {
    const exponent = this.#raised?.trim()
    this.#raised = undefined
    if (exponent === undefined || exponent === "") return
    const kind = raised(this.#tail.text, exponent)
    if (kind !== "note") this.#write(kind === "power" ? power(exponent) : exponent)
  }
}

export const open = (): Run => new Reader()
