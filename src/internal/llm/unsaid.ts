/**
 * What a model writes and does not mean to be heard: its thoughts between tags,
 * and calls of tools that a server has left in the text.
 */
import type * as Llm from "./model.ts"

interface Tag {
  readonly begin: string
  readonly end: string
  /** It may also stand within a line, if a call follows it. */
  readonly inLine: boolean
}

const tag = (name: string, inLine: boolean): Tag => ({ begin: `<${name}>`, end: `</${name}>`, inLine })

const tags: ReadonlyArray<Tag> = [
  tag("think", false),
  tag("thinking", false),
  tag("thought", false),
  tag("reasoning", false),
  tag("tool_call", true),
  tag("tool_calls", true),
  tag("function_call", true),
  tag("function_calls", true)
]

/**
 * Gives the text without it, as it comes; only what may become a tag waits.
 *
 * Models think where an answer or a line of it begins; where words stand before
 * a tag on its line, the tag is spoken of. What is never ended goes on to the
 * end of the answer. A tag that ends what never began is not said either.
 */
export class Unsaid {
  #held = ""
  #until: Tag | undefined = undefined
  #skipping = false
  #lineBegins = true

  /** The deltas that can be given on now that this one has come. */
  push(delta: Llm.Delta): ReadonlyArray<Llm.Delta> {
    if (delta._tag !== "Text") return [...this.end(), delta]
    const text = this.#text(delta.text)
    if (text === "" && delta.metadata === undefined) return []
    return [text === delta.text ? delta : { ...delta, text }]
  }

  /** What was no tag after all. */
  end(): ReadonlyArray<Llm.Delta> {
    const text = this.#until === undefined ? this.#held : ""
    this.#held = ""
    return text === "" ? [] : [{ _tag: "Text", text }]
  }

  #text(more: string): string {
    let rest = this.#held + more
    let said = ""
    this.#held = ""
    while (rest !== "") {
      if (this.#until !== undefined) {
        const { end } = this.#until
        const at = rest.toLowerCase().indexOf(end)
        if (at === -1) {
          this.#held = rest.slice(1 - end.length)
          return said
        }
        rest = this.#after(rest, at + end.length)
        continue
      }
      if (this.#skipping) {
        rest = rest.trimStart()
        if (rest === "") return said
        this.#skipping = false
      }
      const at = rest.indexOf("<")
      const plain = at === -1 ? rest : rest.slice(0, at)
      said += plain
      this.#follow(plain)
      rest = rest.slice(plain.length)
      if (rest === "") return said
      const found = this.#found(rest)
      if (found === "perhaps") {
        this.#held = rest
        return said
      }
      if (found === undefined) {
        said += "<"
        this.#follow("<")
        rest = rest.slice(1)
      } else if (found.ends) {
        // Some servers give the thoughts without the tag that they begin with.
        said = ""
        rest = this.#after(rest, found.tag.end.length)
      } else {
        this.#until = found.tag
        rest = rest.slice(found.tag.begin.length)
      }
    }
    return said
  }

  #after(text: string, at: number): string {
    this.#until = undefined
    this.#skipping = true
    this.#lineBegins = true
    return text.slice(at)
  }

  #follow(plain: string): void {
    const line = plain.slice(plain.lastIndexOf("\n") + 1)
    if (line.trim() !== "") this.#lineBegins = false
    else if (line.length < plain.length) this.#lineBegins = true
  }

  /** The tag that a text begins with, if it is meant as one. */
  #found(text: string): { readonly tag: Tag; readonly ends: boolean } | "perhaps" | undefined {
    const lower = text.slice(0, 20).toLowerCase()
    let found: "perhaps" | undefined = undefined
    for (const tag of tags) {
      if (!this.#lineBegins && !tag.inLine) continue
      if (this.#lineBegins && lower.startsWith(tag.end)) return { tag, ends: true }
      if (lower.startsWith(tag.begin)) {
        const next = text.slice(tag.begin.length).trimStart().slice(0, 1)
        if (this.#lineBegins || /[{[<]/.test(next)) return { tag, ends: false }
        if (next === "") found = "perhaps"
      } else if (tag.begin.startsWith(lower) || (this.#lineBegins && tag.end.startsWith(lower))) found = "perhaps"
    }
    return found
  }
}
