/** What the start of a line says in Markdown. */
export const heading = /^[ \t]*#{1,6}[ \t]$/
export const bullet = /^[ \t]*(?:[+•‣◦]|>+|\[[ xX]\])[ \t]$/
/** Bullets that may as well begin a rule. */
export const bullets = /^(?:[ \t]*[-*][ \t])+/
export const rule = /^[ \t]*(?:([-*_])(?:[ \t]*\1){2,}|={3,}|>+)[ \t\r]*$/
export const fence = /^[ \t]*(`{3,}|~{3,})/
export const fenceEnd = /^[ \t]*(`*|~*)[ \t\r]*$/
export const tableRule = /^[ \t]*\|[|: \t]*-[-|: \t\r]*$/
/** Starts of lines that may still turn out to be markup. */
export const undecided =
  /^[ \t]*(?:#{1,6}|[+•‣◦]|>+|=+[ \t\r]*|\[(?:[ xX]\]?)?|([-*_])(?:[ \t]*\1)*[ \t\r]*|`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*|\|[-|: \t\r]*)?$/
