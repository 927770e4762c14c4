/**
 * Text of a model that must not be spoken: its thoughts between tags, and calls of tools that a
 * server has left in the text.
 */
import * as leaked from "./leaked.ts"
import type * as Llm from "./model.ts"

interface Tag {
  readonly begin: string
  /** What stands between `begin` and the rest of the tag: attributes, or a name. */
  readonly rest: RegExp
  /** The beginning of that, where more must come to tell. */
  readonly half: RegExp
  /** Absent: it goes on to the end of the answer. */
  readonly end: string | undefined
  /** It may also stand within a line, if a call follows it. */
  readonly inLine: boolean
  /** Nobody speaks of it, wherever it stands. */
  readonly sure: boolean
}

const xml = (name: string, inLine: boolean): Tag => ({
  begin: `<${name}`,
  rest: /^(?:\s[^<>]{0,100})?>/,
  half: /^(?:\s[^<>]{0,100})?$/,
  end: `</${name}>`,
  inLine,
  sure: false
})

const token = (begin: string, end: string | undefined, sure = begin.startsWith("<")): Tag => ({
  begin,
  rest: /^/,
  half: /^$/,
  end,
  inLine: true,
  sure
})

const tags: ReadonlyArray<Tag> = [
  ...["think", "thinking", "thought", "thoughts", "reasoning", "seed:think", "scratchpad", "reflection", "analysis"]
    .map((name) => xml(name, false)),
  ...[
    "tool_call",
    "tool_calls",
    "function_call",
    "function_calls",
    "invoke",
    "minimax:tool_call",
    "toolcall",
    "tool_use",
    "tool_code",
    "tool_response",
    "xai:function_call",
    "longcat_tool_call"
  ]
    .map((name) => xml(name, true)),
  {
    begin: "<function=",
    rest: /^[^<>]{1,100}>/,
    half: /^[^<>]{0,100}$/,
    end: "</function>",
    inLine: true,
    sure: false
  },
  ...["tool_code", "tool_call", "tool_calls"].map((name) => ({
    ...token(`\`\`\`${name}`, "```", false),
    rest: /^\s/,
    half: /^$/,
    inLine: false
  })),
  { ...token("[think]", "[/think]"), inLine: false },
  { ...token("◁think▷", "◁/think▷"), inLine: false },
  token("<|thinking|>", "<|/thinking|>"),
  token("<|tool_calls|>", undefined),
  token("<|begin_of_thought|>", "<|end_of_thought|>"),
  token("<|start_thinking|>", "<|end_thinking|>"),
  token("<|start_action|>", "<|end_action|>"),
  token("<|tool_call_start|>", "<|tool_call_end|>"),
  token("<|tool_call>", "<tool_call|>"),
  token("<|tool▁calls▁begin|>", "<|tool▁calls▁end|>"),
  token("<start_function_call>", "<end_function_call>"),
  token("<｜dsml｜function_calls>", "</｜dsml｜function_calls>"),
  { ...token("<|channel|>commentary", "<|call|>"), rest: /^\s+to=/, half: /^\s*(?:to?)?$/ },
  token("[tool_calls]", undefined),
  token("<|python_tag|>", undefined),
  token("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
  token("<|tool_call_begin|>", "<|tool_call_end|>"),
  token("<|tool_call|>", undefined),
  token("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
  token("<|channel|>analysis", "<|channel|>final<|message|>")
]

/** What servers leave of the form in which a model is told a conversation: it begins a message, or ends one. */
const marks: ReadonlyArray<string> = [
  "<|start|>assistant",
  "<|channel|>final<|message|>",
  "<|channel|>final <|constrain|>json<|message|>",
  "<|channel|>commentary<|message|>",
  "<|im_start|>assistant",
  "<|start_header_id|>assistant<|end_header_id|>",
  "<start_of_turn>model",
  "<end_of_turn>"
]

/** Any other sign of that form. */
const sign = /^<(?:\|\/?\w{1,40}\||｜[^｜<>\s]{1,40}｜)>/
const signBegun = /^<(?:\|\/?\w{0,40}\|?|｜[^｜<>\s]{0,40}｜?)$/

const longest = Math.max(
  ...tags.map(({ begin, end = "" }) => Math.max(begin.length, end.length)),
  ...marks.map(({ length }) => length)
)

/** As long as the text: a letter of another alphabet may become two. */
const lowered = (text: string): string => {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** What comes second in a tag: after anything else nothing begins, however many letters look like a beginning. */
const seconds = new Set([...tags.flatMap(({ begin, end }) => [begin[1], end?.[1]]), ...marks.map((mark) => mark[1])])

/** Where one of the two is in a text; behind the text where it is not. */
const placeOf = (text: string, what: string | undefined): number => {
  const at = what === undefined ? -1 : text.indexOf(what)
  return at === -1 ? text.length : at
}

/** A tag that begins or ends here; without one, a sign that is left out by itself. */
type Found =
  | { readonly tag: Tag; readonly ends: boolean; readonly length: number }
  | { readonly tag: undefined; readonly length: number }

/**
 * Gives the text without it, as it comes; only what may become a tag waits.
 *
 * Models think where an answer or a line of it begins; where words stand before
 * a tag on its line, the tag is spoken of. What is never ended goes on to the
 * end of the answer. A tag that ends what never began is not said either. What
 * stands after the first end of two thoughts that began waits for the second:
 * where that never comes, it was no thought. An answer that begins as a call of
 * one of the `tools` is that call to its end.
 */
export class Unsaid {
  #held = ""
  #until: Tag | undefined = undefined
  #depth = 0
  /** What was written since an inner thought has ended. */
  #doubt: string | undefined = undefined
  #skipping = false
  #lineBegins = true
  #spaced = true
  /** The beginning of the answer, until it is known whether it is a call. */
  #first: string | undefined = ""
  #silent = false
  readonly #tools: ReadonlySet<string>

  constructor(tools: ReadonlySet<string> = new Set()) {
    this.#tools = tools
  }

  /** The deltas that can be given on now that this one has come. */
  push(delta: Llm.Delta): ReadonlyArray<Llm.Delta> {
    if (delta._tag !== "Text") return [...this.end(), delta]
    const text = this.#text(this.#begun(delta.text))
    if (text === "" && delta.metadata === undefined) return []
    return [text === delta.text ? delta : { ...delta, text }]
  }

  /** What was no tag, or no thought, after all. */
  end(): ReadonlyArray<Llm.Delta> {
    const first = this.#text(this.#first ?? "")
    this.#first = undefined
    const text = first +
      (this.#until === undefined ? this.#held : this.#doubt === undefined ? "" : this.#doubt + this.#held)
    if (this.#doubt !== undefined) this.#until = undefined
    this.#held = ""
    this.#doubt = undefined
    const said = this.#until === undefined ? text : text.trimStart()
    return said === "" ? [] : [{ _tag: "Text", text: said }]
  }

  /** Of the beginning, what is known to be no call. */
  #begun(more: string): string {
    if (this.#silent) return ""
    if (this.#first === undefined || this.#tools.size === 0) return more
    const all = this.#first + more
    const known = leaked.read(all, this.#tools)
    this.#first = known === "perhaps" ? all : undefined
    this.#silent = known === "call"
    return known === "text" ? all : ""
  }

  #text(more: string): string {
    let rest = this.#held + more
    let said = ""
    this.#held = ""
    while (rest !== "") {
      if (this.#until !== undefined) {
        rest = this.#within(rest, this.#until)
        continue
      }
      if (this.#skipping) {
        rest = rest.trimStart()
        if (rest === "") return said
        this.#skipping = false
      }
      const at = rest.search(/[<[◁`]/)
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
        said += rest.slice(0, 1)
        this.#follow(rest.slice(0, 1))
        rest = rest.slice(1)
      } else if (found.tag === undefined) {
        // The next message has no space before it.
        if (rest.startsWith("<|start") && !this.#spaced) {
          said += " "
          this.#spaced = true
        }
        rest = rest.slice(found.length)
        this.#lineBegins = true
      } else if (found.ends) {
        // Some servers give the thoughts without the tag that they begin with.
        said = ""
        rest = this.#after(rest, found.length)
      } else {
        this.#until = found.tag
        this.#depth = 1
        rest = rest.slice(found.length)
      }
    }
    return said
  }

  /** Follows what is not said to its end, and gives what comes after it. */
  #within(rest: string, { begin, end }: Tag): string {
    const lower = lowered(rest)
    const ends = placeOf(lower, end)
    const begins = placeOf(lower, begin)
    if (ends === rest.length && begins === rest.length) {
      const tail = Math.min(rest.length, (end ?? "").length, longest)
      this.#pass(rest.slice(0, rest.length - tail))
      this.#held = rest.slice(rest.length - tail)
      return ""
    }
    if (begins < ends) {
      this.#depth += 1
      this.#pass(rest.slice(0, begins + begin.length))
      return rest.slice(begins + begin.length)
    }
    this.#depth -= 1
    if (this.#depth === 0) return this.#after(rest, ends + (end ?? "").length)
    this.#doubt = ""
    return rest.slice(ends + (end ?? "").length)
  }

  #pass(unsaid: string): void {
    if (this.#doubt !== undefined) this.#doubt += unsaid
  }

  #after(text: string, at: number): string {
    this.#until = undefined
    this.#doubt = undefined
    this.#skipping = true
    this.#lineBegins = true
    return text.slice(at)
  }

  #follow(plain: string): void {
    if (plain !== "") this.#spaced = /\s$/.test(plain)
    const line = plain.slice(plain.lastIndexOf("\n") + 1)
    if (line.trim() !== "") this.#lineBegins = false
    else if (line.length < plain.length) this.#lineBegins = true
  }

  /** The tag that a text begins with, if it is meant as one, and how long it is. */
  #found(text: string): Found | "perhaps" | undefined {
    // Of both letters that a tag begins with there are some that may stand anywhere.
    if (text.length === 1) return "perhaps"
    if (!seconds.has(text[1]?.toLowerCase())) return undefined
    const lower = lowered(text.slice(0, longest))
    const mark = marks.find((mark) => lower.startsWith(mark))
    if (mark !== undefined) return { tag: undefined, length: mark.length }
    let found: "perhaps" | undefined = undefined
    for (const tag of tags) {
      if (!this.#lineBegins && !tag.inLine) continue
      const { begin, end } = tag
      if (this.#lineBegins && end !== undefined && !begin.startsWith(end)) {
        if (lower.startsWith(end)) return { tag, ends: true, length: end.length }
        if (end.startsWith(lower)) found = "perhaps"
      }
      if (begin.startsWith(lower) && begin !== lower) found = "perhaps"
      if (!lower.startsWith(begin)) continue
      const after = text.slice(begin.length)
      const whole = tag.rest.exec(after)
      if (whole === null) {
        if (tag.half.test(after)) found = "perhaps"
        continue
      }
      const length = begin.length + whole[0].length
      const next = text.slice(length).trimStart().slice(0, 1)
      if (this.#lineBegins || tag.sure || /[{[<]/.test(next)) return { tag, ends: false, length }
      if (next === "") found = "perhaps"
    }
    if (found === undefined && !marks.some((mark) => mark.startsWith(lower))) {
      const whole = sign.exec(text)
      if (whole !== null) return { tag: undefined, length: whole[0].length }
      return signBegun.test(text) ? "perhaps" : undefined
    }
    return "perhaps"
  }
}
