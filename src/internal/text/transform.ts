/** What rewrites text that comes in pieces, and how several are one. A run belongs to one text, and ends with `end`. */

/** One run of a transform over one text. */
export interface Run {
  readonly push: (chunk: string) => string
  readonly end: () => string
}

/** A rewriting of text that gives the same output however its input is cut, in a language where one is known. */
export interface Transform {
  readonly name: string
  readonly open: (language?: string) => Run
}

export const compose = (transforms: ReadonlyArray<Transform>): Transform => ({
  name: transforms.map((transform) => transform.name).join("+"),
  open: (language) => {
    const runs = transforms.map((transform) => transform.open(language))
    const pass = (text: string, from: number): string => {
      let out = text
      for (let i = from; i < runs.length && out !== ""; i++) {
        out = runs[i]?.push(out) ?? out
      }
      return out
    }
    return {
      push: (chunk) => pass(chunk, 0),
      end: () => runs.reduce((out, run, i) => out + pass(run.end(), i + 1), "")
    }
  }
})
