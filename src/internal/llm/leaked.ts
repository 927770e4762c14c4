/**
 * What a server has left of the form in which a model writes a call of a tool: all of it in the
 * text, where an answer begins as one, or some of it in the name.
 */

/** Its JSON, and what may still become that. */
const json =
  /^(?:```(?:json)?\s*)?\[?\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?(?:"tool_calls"\s*:\s*\[\s*\{\s*)?"(?:name|function|tool|tool_name|function_name|action)"\s*:\s*"([^"]{1,64})"/
const jsonBegun =
  /^(?:`{1,2}|```(?:j(?:s(?:on?)?)?)?|(?:```(?:json)?\s*)?\[?\s*(?:\{\s*(?:"type"\s*:\s*"function"\s*(?:,\s*)?)?(?:"tool_calls"\s*:\s*(?:\[\s*(?:\{\s*)?)?)?(?:"[a-z_]{0,16}(?:"\s*(?::\s*(?:"[^"]{0,64})?)?)?)?)?)$/

/** Most characters before it is known which tool it calls. */
const longestBeginning = 256

/** What stands before the name of a tool where nothing but a call follows. */
const sure = [
  "default_api.",
  "functions.",
  "to=functions.",
  "assistant to=functions.",
  "commentary to=functions.",
  "Action: "
]

/** As Python has it, alone or in a list; what stands before it may be enough to tell. */
const leads = ["", "[", "print(", "tool_code\n", "tool_code\nprint("].flatMap((before) =>
  ["", ...sure].map((lead) => ({ lead: before + lead, isSure: lead !== "" || before.length > 1 }))
)

/** What follows the name. */
const follows = /^(?:\(|\s{0,4}\{)/
const followsBegun = /^\s{0,4}$/

type Known = "call" | "perhaps" | "text"

/** By the name of a tool. */
const named = (text: string, tools: ReadonlySet<string>): Known => {
  let known: Known = "text"
  for (const { isSure, lead } of leads) {
    if (lead.startsWith(text)) known = "perhaps"
    if (!text.startsWith(lead)) continue
    const rest = text.slice(lead.length)
    for (const name of tools) {
      if (name.startsWith(rest)) known = "perhaps"
      if (!rest.startsWith(name)) continue
      const after = rest.slice(name.length)
      if (follows.test(after) || (isSure && /^\W/.test(after))) return "call"
      if (followsBegun.test(after)) known = "perhaps"
    }
  }
  return known
}

/** What the beginning of an answer is. */
export const read = (beginning: string, tools: ReadonlySet<string>): Known => {
  const text = beginning.trimStart()
  if (tools.has(json.exec(text)?.[1] ?? "")) return "call"
  const known = named(text, tools)
  if (known === "call" || beginning.length > longestBeginning) return known === "call" ? known : "text"
  return known === "perhaps" || jsonBegun.test(text) ? "perhaps" : "text"
}

/** Without a namespace before it, a number behind it, and signs of a chat's form. */
const bare = (name: string): string =>
  name.replace(/<[|｜][^]*$/, "").trim().replace(/:\d+$/, "").replace(/^.*[.:/]/, "")

const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]+/g, "_")

/** The tool that a call means, where its name is not just that of one. */
export const meant = (name: string, tools: ReadonlyArray<string>): string => {
  if (tools.includes(name)) return name
  const mine = bare(name)
  if (tools.includes(mine)) return mine
  const alike = tools.filter((tool) => plain(tool) === plain(mine))
  return alike.length === 1 ? alike[0]! : name
}
