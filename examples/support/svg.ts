/** Just enough SVG. */

const escaped: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" }

export const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => escaped[char] ?? char)

const round = (n: number): string => String(Math.round(n * 10) / 10)

type Attributes = Readonly<Record<string, string | number | undefined>>

export const tag = (name: string, attributes: Attributes, ...children: ReadonlyArray<string>): string => {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escape(String(value))}"`)
    .join("")
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join("")}</${name}>`
}

export const group = (x: number, y: number, ...children: ReadonlyArray<string>): string =>
  tag("g", { transform: `translate(${round(x)} ${round(y)})` }, ...children, "")

export const rect = (x: number, y: number, width: number, height: number, attributes: Attributes): string =>
  tag("rect", { x, y, width: Math.max(0, width), height, ...attributes })

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string =>
  tag("line", { x1, y1, x2, y2, ...attributes })

export const text = (x: number, y: number, content: string, attributes: Attributes = {}): string =>
  tag("text", { x, y, ...attributes }, escape(content))

export const path = (points: ReadonlyArray<readonly [number, number]>, attributes: Attributes, close = false): string =>
  tag("path", {
    d: `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}${close ? "Z" : ""}`,
    ...attributes
  })

/** About how wide a text is in the sans-serif of this size. */
export const widthOf = (content: string, size: number): number => content.length * size * 0.54

/** Breaks a text into lines of a width, the last one cut where there are too many. */
export const wrap = (content: string, size: number, width: number, most: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let current = ""
  for (const word of content.split(/\s+/)) {
    const longer = current === "" ? word : `${current} ${word}`
    if (current !== "" && widthOf(longer, size) > width) {
      lines.push(current)
      current = word
    } else {
      current = longer
    }
  }
  lines.push(current)
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `${lines[most - 1]} …`]
}
