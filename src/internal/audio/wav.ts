/**
 * RIFF/WAVE reading and writing. Reading never trusts a size: what the header
 * claims is cut to what the bytes hold.
 */
import type { Format, Frame } from "../../Audio.ts"
import { AudioError } from "./error.ts"
import { leastRate, problemOf, saturate } from "./format.ts"
import { decodeAlaw, decodeMulaw } from "./g711.ts"

const pcm = 1
const ieeeFloat = 3
const alaw = 6
const mulaw = 7
const extensible = 0xfffe
const unknownSize = 0xffffffff

/** All of a subtype GUID but its first two bytes, which are the format tag. */
const subtypeTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]

const codings: Readonly<Record<number, string>> = {
  2: "ADPCM",
  17: "IMA ADPCM",
  49: "GSM 6.10",
  85: "MP3"
}

const names: Readonly<Record<number, string>> = {
  [pcm]: "PCM",
  [ieeeFloat]: "float",
  [alaw]: "A-law",
  [mulaw]: "μ-law"
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

interface Coding extends Format {
  /** Of the container: fewer bits of a sample are its upper ones. */
  readonly bits: number
  readonly tag: number
}

/** Bits of a sample that are read, by its coding. */
const widths: Readonly<Record<number, ReadonlyArray<number>>> = {
  [pcm]: [8, 16, 24, 32],
  [ieeeFloat]: [32, 64],
  [alaw]: [8],
  [mulaw]: [8]
}

const invalid = (field: string, detail: string): AudioError => new AudioError({ reason: "InvalidWav", field, detail })

const unsupported = (field: string, detail: string): AudioError =>
  new AudioError({ reason: "UnsupportedWav", field, detail })

const idAt = (bytes: Uint8Array, offset: number): string =>
  String.fromCharCode(bytes[offset]!, bytes[offset + 1]!, bytes[offset + 2]!, bytes[offset + 3]!)

const readCoding = (view: DataView, bytes: Uint8Array, start: number, size: number): Coding | AudioError => {
  if (size < 16) {
    return invalid("fmt", `the chunk has ${size} bytes, fewer than the 16 of a format`)
  }
  let tag = view.getUint16(start, true)
  const channels = view.getUint16(start + 2, true)
  const sampleRate = view.getUint32(start + 4, true)
  const blockAlign = view.getUint16(start + 12, true)
  const bits = view.getUint16(start + 14, true)
  if (tag === extensible) {
    if (size < 40) {
      return invalid("fmt", `the chunk has ${size} bytes, fewer than the 40 of an extensible format`)
    }
    if (subtypeTail.some((byte, i) => bytes[start + 26 + i] !== byte)) {
      return unsupported("subFormat", "the extensible format names a private coding")
    }
    tag = view.getUint16(start + 24, true)
  }
  const known = widths[tag]
  if (known === undefined) {
    return unsupported("formatTag", `${codings[tag] ?? `coding ${tag}`} is not read; convert the file to PCM`)
  }
  const problem = problemOf({ sampleRate, channels })
  if (problem !== undefined) {
    return invalid(problem.field, problem.detail)
  }
  if (sampleRate < leastRate) {
    return unsupported("sampleRate", `${sampleRate} Hz are not read, only ${leastRate} Hz and more`)
  }
  const own = tag === pcm && bits > 8 ? Math.ceil(bits / 8) * 8 : bits
  // Samples may stand in wider ones; a width that cannot be is a mistake of the writer.
  const told = blockAlign / channels * 8
  const isWider = known.includes(told) && (bits === 0 || (bits > 16 && told >= bits))
  const container = isWider ? told : own
  if (!known.includes(container)) {
    return unsupported("bitsPerSample", `${bits} bits of ${names[tag]} are not read, only ${known.join(", ")}`)
  }
  if (container !== told && known.includes(told)) {
    return invalid("blockAlign", `${blockAlign} bytes do not hold ${channels} samples of ${bits} bits`)
  }
  return { sampleRate, channels, bits: container, tag }
}

const readSamples = (view: DataView, start: number, size: number, coding: Coding): Int16Array<ArrayBuffer> => {
  const width = coding.bits / 8
  const count = Math.floor(size / (width * coding.channels)) * coding.channels
  if (coding.tag === alaw || coding.tag === mulaw) {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, count)
    return coding.tag === alaw ? decodeAlaw(bytes) : decodeMulaw(bytes)
  }
  if (coding.bits === 16 && littleEndian) {
    const offset = view.byteOffset + start
    return new Int16Array(new Uint8Array(view.buffer, offset, count * 2).slice().buffer)
  }
  const out = new Int16Array(count)
  for (let i = 0, at = start; i < count; i++, at += width) {
    out[i] = coding.tag === ieeeFloat
      ? saturate((coding.bits === 32 ? view.getFloat32(at, true) : view.getFloat64(at, true)) * 32768)
      : coding.bits === 8
      ? (view.getUint8(at) - 128) * 256
      : coding.bits === 16
      ? view.getInt16(at, true)
      : coding.bits === 24
      ? saturate((view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 256)
      : saturate(view.getInt32(at, true) / 65536)
  }
  return out
}

/** Whether what stands there may be a chunk, and no audio. */
const isChunk = (view: DataView, bytes: Uint8Array, offset: number): boolean =>
  offset + 8 <= bytes.length && /^[ -~]{4}$/.test(idAt(bytes, offset)) &&
  view.getUint32(offset + 4, true) <= bytes.length - offset - 8

/** "RIFF", and the same with sizes of 64 bits. */
const isContainer = (id: string): boolean => id === "RIFF" || id === "RF64" || id === "BW64"

/** Whether another file begins there. */
const isFile = (bytes: Uint8Array, offset: number): boolean =>
  offset + 12 <= bytes.length && isContainer(idAt(bytes, offset)) && idAt(bytes, offset + 8) === "WAVE"

/** Where another file begins within audio of which the length is not told. */
const nextFile = (bytes: Uint8Array, from: number): number => {
  for (let at = bytes.indexOf(0x52, from); at !== -1; at = bytes.indexOf(0x52, at + 1)) {
    // Most of what looks like the first letter is audio.
    if (bytes[at + 1] !== 0x49 && bytes[at + 1] !== 0x46) continue
    if (isFile(bytes, at) && /^[ -~]{4}$/.test(idAt(bytes, at + 12))) return at
  }
  return -1
}

/** Where the chunk behind another one begins: some writers leave out the byte behind an odd length. */
const behind = (view: DataView, bytes: Uint8Array, end: number, isOdd: boolean): number =>
  isOdd && !isChunk(view, bytes, end + 1) && !isFile(bytes, end + 1) &&
    (isChunk(view, bytes, end) || isFile(bytes, end))
    ? end
    : end + (isOdd ? 1 : 0)

/** Bytes in which a file is looked for behind what a program or a server has written before it. */
const mostBefore = 65_536

/** From where the file begins: a program may have printed a line before it. */
export const fromFile = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < 12 || isContainer(idAt(bytes, 0))) return bytes
  const at = nextFile(bytes.subarray(0, mostBefore), 0)
  return at === -1 ? bytes : bytes.subarray(at)
}

interface File {
  readonly coding: Coding
  readonly data: readonly [start: number, size: number]
  /** Where the next file may begin. */
  readonly end: number
}

const readFile = (view: DataView, bytes: Uint8Array, from: number): File | AudioError => {
  const container = idAt(bytes, from)
  const fileSize = view.getUint32(from + 4, true)
  const unfinished = fileSize === 0 || fileSize === unknownSize
  let coding: Coding | undefined = undefined
  let data: readonly [start: number, size: number] | undefined = undefined
  /** Of an RF64 file, whose other sizes are at their maximum. */
  let dataSize: number | undefined = undefined
  let offset = from + 12
  while (offset + 8 <= bytes.length && (coding === undefined || data === undefined)) {
    const id = idAt(bytes, offset)
    const start = offset + 8
    const left = bytes.length - start
    const told = view.getUint32(offset + 4, true)
    const claimed = id === "data" && told === unknownSize && dataSize !== undefined ? dataSize : told
    // A writer that streams leaves its sizes at 0 or at the maximum, or as they are before any audio.
    const streamed = unfinished || fileSize + 8 <= start - from || left > 0 && !isChunk(view, bytes, start)
    const isAll = id === "data" && (claimed === 0 && streamed || claimed > left)
    const next = isAll ? nextFile(bytes, start) : -1
    const size = next !== -1 ? next - start : isAll ? left : Math.min(claimed, left)
    if (id === "fmt " && coding === undefined) {
      const read = readCoding(view, bytes, start, size)
      if (read instanceof AudioError) return read
      coding = read
    } else if (id === "ds64" && container !== "RIFF" && size >= 24) {
      dataSize = Number(view.getBigUint64(start + 8, true))
    } else if (id === "data" && data === undefined) data = [start, size]
    offset = next !== -1 ? next : behind(view, bytes, start + size, size % 2 === 1)
  }
  if (coding === undefined) return invalid("fmt", "the file has no format chunk")
  if (data === undefined) return invalid("data", "the file has no data chunk")
  return { coding, data, end: offset }
}

/** The files that are joined: behind the audio of one others may follow, after chunks about it. */
const readFiles = (view: DataView, bytes: Uint8Array): ReadonlyArray<File> | AudioError => {
  const files: Array<File> = []
  for (let from = 0; from !== -1;) {
    const file = readFile(view, bytes, from)
    if (file instanceof AudioError) return file
    files.push(file)
    from = file.end
    while (from + 8 <= bytes.length && !isFile(bytes, from)) {
      if (idAt(bytes, from) === "data") {
        return unsupported("data", "the file has several data chunks; write its audio as one")
      }
      const end = from + 8 + view.getUint32(from + 4, true)
      from = isChunk(view, bytes, from) ? behind(view, bytes, end, (end - from) % 2 === 1) : bytes.length
    }
    if (!isFile(bytes, from)) from = -1
  }
  return files
}

export const decode = (bytes: Uint8Array): Frame | AudioError => {
  if (bytes.length < 12) {
    return invalid("RIFF", `${bytes.length} bytes are too few for a WAV file`)
  }
  const container = idAt(bytes, 0)
  if (container === "RIFX") {
    return unsupported("RIFF", "the RIFX variant is not read")
  }
  if (!isContainer(container)) {
    return invalid("RIFF", "the bytes do not begin with RIFF")
  }
  if (idAt(bytes, 8) !== "WAVE") {
    return invalid("WAVE", `the ${container} file is not of type WAVE`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const files = readFiles(view, bytes)
  if (files instanceof AudioError) return files
  const { channels, sampleRate } = files[0]!.coding
  if (files.some(({ coding }) => coding.sampleRate !== sampleRate || coding.channels !== channels)) {
    return unsupported("RIFF", "files of different formats are joined; convert them to one format")
  }
  const parts = files.map(({ coding, data }) => readSamples(view, data[0], data[1], coding))
  if (parts.length === 1) return { samples: parts[0]!, sampleRate, channels }
  const samples = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    samples.set(part, at)
    at += part.length
  }
  return { samples, sampleRate, channels }
}

export const encode = (frame: Frame, float: boolean): Uint8Array<ArrayBuffer> => {
  const { channels, sampleRate, samples } = frame
  const width = float ? 4 : 2
  const dataSize = samples.length * width
  // Float needs the extension size in `fmt ` and a `fact` chunk by the standard.
  const headerSize = float ? 58 : 44
  const bytes = new Uint8Array(headerSize + dataSize)
  const view = new DataView(bytes.buffer)
  let offset = 0
  const id = (text: string) => {
    for (const letter of text) {
      bytes[offset++] = letter.charCodeAt(0)
    }
  }
  const u16 = (value: number) => {
    view.setUint16(offset, value, true)
    offset += 2
  }
  const u32 = (value: number) => {
    view.setUint32(offset, Math.min(value, unknownSize), true)
    offset += 4
  }
  id("RIFF")
  u32(headerSize - 8 + dataSize)
  id("WAVEfmt ")
  u32(float ? 18 : 16)
  u16(float ? ieeeFloat : pcm)
  u16(channels)
  u32(sampleRate)
  u32(sampleRate * channels * width)
  u16(channels * width)
  u16(width * 8)
  if (float) {
    u16(0)
    id("fact")
    u32(4)
    u32(samples.length / channels)
  }
  id("data")
  u32(dataSize)
  for (const sample of samples) {
    if (float) {
      view.setFloat32(offset, sample / 32768, true)
    } else {
      view.setInt16(offset, sample, true)
    }
    offset += width
  }
  return bytes
}
