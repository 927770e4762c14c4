/** History for people to read. */
import type { Item } from "../../History.ts"

export const write = (items: ReadonlyArray<Item>, format: "text" | "markdown"): string =>
  items.map((item) => line(item, false)).filter(([, what]) => what !== "")
    .map(([who, what]) => format === "markdown" ? `**${who}:** ${quoted(what)}` : `${who}: ${indented(what)}`)
    .join(format === "markdown" ? "\n\n" : "\n")

/** The text transcript with what the tools were asked and what they answered. */
export const writeDetailed = (items: ReadonlyArray<Item>): string =>
  items.map((item) => line(item, true)).filter(([, what]) => what !== "")
    .map(([who, what]) => `${who}: ${indented(what)}`).join("\n")

const lineEnd = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/

// A line of their own could look like what somebody else has said.
const indented = (text: string): string => text.split(lineEnd).join("\n  ")

const quoted = (text: string): string => {
  const [first, ...more] = text.split(lineEnd)
  return more.length === 0 ? text : `${first}\n\n> ${more.join("\n> ")}`
}

const line = (item: Item, detailed: boolean): readonly [who: string, what: string] => {
  const detail = (value: unknown) => detailed ? `: ${JSON.stringify(value)}` : ""
  switch (item._tag) {
    case "Message":
      return [
        speaker(item),
        item.text.trim() === "" || item.setAside === "echo" ? "" : item.text.trim() + markOf(item)
      ]
    case "ToolCall":
      return ["Tool", `${item.name} called${detail(item.params)}`]
    case "ToolOutput":
      return ["Tool", `${item.name} ${item.isFailure ? "failed" : "answered"}${detail(item.output)}`]
    case "Handoff":
      return ["Handoff", item.from === undefined ? `to ${item.to}` : `from ${item.from} to ${item.to}`]
    case "Summary":
      return ["Summary", item.text.trim()]
  }
}

const markOf = ({ interrupted, setAside }: Extract<Item, { readonly _tag: "Message" }>): string =>
  interrupted ? " [interrupted]" : setAside === undefined ? "" : ` [${setAside}]`

const speaker = (message: Extract<Item, { readonly _tag: "Message" }>): string => {
  switch (message.role) {
    case "system":
      return "System"
    case "user":
      return message.participant === undefined
        ? "User"
        : `User (${message.participant.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")})`
    case "assistant":
      return "Assistant"
  }
}
