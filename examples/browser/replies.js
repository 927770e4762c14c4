/**
 * Which reply was heard how soon: what the agent tells of a turn and what the caller hears of it come in either order.
 *
 * @template Row
 * @param {(row: Row, ms: number) => void} show
 */
export const makeReplies = (show) => {
  let heard
  let waiting
  const meet = () => {
    if (waiting === undefined || heard === undefined) return
    show(waiting, heard)
    waiting = heard = undefined
  }
  return {
    /** The caller has said something: what was heard before is no reply to it. */
    asked: () => {
      waiting = heard = undefined
    },
    /** @param {number} ms From when the caller fell silent. */
    heard: (ms) => {
      heard = ms
      meet()
    },
    /** @param {Row} row Of the turn that the agent tells of. */
    told: (row) => {
      waiting = row
      meet()
    }
  }
}
