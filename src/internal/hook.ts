/** What comes of a hook that has failed, in words for the log and for who tries an agent out. */

/** What the conversation does in its place, by the hook's name. */
export const afterHook = (name: string): string => {
  switch (name) {
    case "onEnter":
    case "onExit":
      return "the rest of it is left out, and the conversation goes on"
    case "onUserTurn":
      return "the turn is answered as it was said"
    case "onApproval":
      return "the call is not approved"
    case "filler":
      return "the silence is not filled"
    default:
      return "nothing more comes of it, and the conversation goes on"
  }
}

/** The same for a page or a terminal, where the cause is not shown. */
export const hookFailed = (name: string): string => `${name} failed, see the log: ${afterHook(name)}`
