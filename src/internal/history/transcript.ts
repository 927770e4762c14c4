/** History for people to read. */
import type { Item } from "../../History.ts"

export const write = (items: ReadonlyArray<Item>, format: "text" | "markdown"): string =>
  items.map((item) => line(item, false)).filter(([, what]) => what !== "")
    .map(([who, what]) => format === "markdown" ? `**${who}:** ${what}` : `${who}: ${what}`)
    .join(format === "markdown" ? "\n\n" : "\n")

/** The text transcript with what the tools were asked and what they answered. */
export const writeDetailed = (items: ReadonlyArray<Item>): string =>
  items.map((item) => line(item, true)).filter(([, what]) => what !== "")
    .map(([who, what]) => `${who}: ${what}`).join("\n")

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
      return message.participant === undefined ? "User" : `User (${message.participant})`
    case "assistant":
      return "Assistant"
  }
}
