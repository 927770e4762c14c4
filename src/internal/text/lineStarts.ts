/** What the start of a line says in Markdown. */
export const heading = /^[ \t]*#{1,6}[ \t]$/
export const bullet = /^[ \t]*(?:[+•‣◦]|>+|\[[ xX]\])[ \t]$/
/** Bullets that may as well begin a rule. */
export const bullets = /^(?:[ \t]*[-*][ \t])+/
export const rule = /^[ \t]*(?:([-*_])(?:[ \t]*\1){2,}|={3,}|>+)[ \t\r]*$/
export const fence = /^[ \t]*(`{3,}|~{3,})/
export const fenceEnd = /^[ \t]*(`*|~*)[ \t\r]*$/
/** The row between the head of a table and its rows, with pipes around it or between its cells alone. */
export const tableRule = /^[ \t]*(?:\|[|: \t]*-[-|: \t\r]*|:?-[-: \t]*\|[-|: \t\r]*)$/
/** What may still become one, however long it is. */
export const tableRuleBegun = /^[ \t]*[|:-][-|: \t\r]*$/
/** "[1]: https://x.org", to which links and notes refer. */
const definition = /^[ \t]{0,3}\[(?!\^)[^\]\n]{1,60}\]:[ \t]*<?(\S*)(?:[ \t]+["'(].*)?[ \t\r]*$/
const definitionBegun = /^[ \t]{0,3}\[(?!\^)[^\]\n]{1,60}\]:[ \t]*<?(\S*)$/
const targets = ["http://", "https://", "www.", "mailto:"]
/** Whether an address may begin so. */
const mayBeTarget = (text: string): boolean =>
  targets.some((target) => target.startsWith(text) || text.startsWith(target))

export const isDefinition = (lead: string): boolean => {
  const target = definition.exec(lead)?.[1] ?? ""
  return target !== "" && mayBeTarget(target) && /[.:]/.test(target)
}

/** Whether a line may still become a definition, of which the address has begun. */
export const isDefining = (lead: string): boolean => {
  const target = definitionBegun.exec(lead)?.[1]
  return target === undefined ? isDefinition(lead) : mayBeTarget(target)
}

/** "[^1]: " before the text of a note. */
export const note = /^[ \t]{0,3}\[\^[^\]\s]{1,40}\]:[ \t]$/
/** Starts of lines that may still turn out to be markup. */
export const undecided =
  /^[ \t]*(?:[:-][-|: \t\r]*|#{1,6}|[+•‣◦]|>+|=+[ \t\r]*|\[(?:[^\]\n]{0,60}\]?:?)?|([-*_])(?:[ \t]*\1)*[ \t\r]*|`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*|\|[-|: \t\r]*)?$/
