/** JSON of so many values that reading it would hold everybody else up: most of what is long is one long text. */

/** Commas and brackets. */
const mostMarks = 32_768

/** Found by the engine, many at a time, where they are few. */
const marks = [",", "[", "{"]

/** Whether a text of JSON, or its bytes, has more values than anyone sends. */
export const isDense = (json: string | Buffer): boolean => {
  if (json.length <= mostMarks) return false
  let count = 0
  for (const mark of marks) {
    for (let at = json.indexOf(mark); at !== -1; at = json.indexOf(mark, at + 1)) {
      if (++count > mostMarks) return true
    }
  }
  return false
}

export const tooDense = `it has more than ${mostMarks} values`
