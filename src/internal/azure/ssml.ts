/** Speech markup as Azure takes it. */

/** How a text is to be spoken. */
export interface Manner {
  readonly voice: string
  readonly language: string
  readonly rate: number
  readonly pitch: string
  readonly volume: string
  readonly style: string | undefined
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&apos;"
}

/** Text that XML can hold: without the characters that it knows no way to write. */
const escape = (text: string): string =>
  text.toWellFormed()
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, " ")
    .replaceAll(/[&<>"']/g, (char) => entities[char] ?? char)

/** A whole number or a decimal one, always with a point: `1` is `1.0`. */
const decimal = (value: number): string => Number.isInteger(value) ? value.toFixed(1) : String(value)

/** The markup of one piece of text. */
export const ssml = (text: string, { language, pitch, rate, style, voice, volume }: Manner): string => {
  const prosody = `<prosody rate="${decimal(rate)}" pitch="${escape(pitch)}" volume="${escape(volume)}">` +
    `${escape(text)}</prosody>`
  const styled = style === undefined
    ? prosody
    : `<mstts:express-as style="${escape(style)}">${prosody}</mstts:express-as>`
  return `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" ` +
    `xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang="${escape(language)}">` +
    `<voice name="${escape(voice)}">${styled}</voice></speak>`
}
