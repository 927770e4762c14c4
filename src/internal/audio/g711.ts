/**
 * Speech in 8 bits a sample, as telephones carry it: the two laws of ITU-T
 * G.711. Both directions are tables, made from the standard's formulas with the
 * first use; nothing here fails, and nothing is kept of the audio.
 */

interface Law {
  /** Code of a sample, by the sample's lower 16 bits. */
  readonly codes: Uint8Array
  readonly samples: Int16Array
}

const lowest = 0x84

const mulawSample = (code: number): number => {
  const bits = ~code & 0xff
  const magnitude = ((((bits & 15) << 3) + lowest) << (bits >> 4 & 7)) - lowest
  return (bits & 0x80) === 0 ? magnitude : -magnitude
}

const mulawCode = (sample: number): number => {
  const magnitude = Math.min(sample < 0 ? ~sample : sample, 32_635) + lowest
  const segment = 24 - Math.clz32(magnitude)
  return ~((sample < 0 ? 0x80 : 0) | segment << 4 | (magnitude >> (segment + 3) & 15)) & 0xff
}

const alawSample = (code: number): number => {
  const bits = code ^ 0x55
  const segment = bits >> 4 & 7
  const step = (bits & 15) << 4
  const magnitude = segment === 0 ? step + 8 : (step + 0x108) << (segment - 1)
  return (bits & 0x80) === 0 ? -magnitude : magnitude
}

const alawCode = (sample: number): number => {
  const magnitude = sample < 0 ? ~sample : sample
  const segment = Math.max(0, 24 - Math.clz32(magnitude))
  const step = segment === 0 ? magnitude >> 4 : magnitude >> (segment + 3)
  return ((sample < 0 ? 0 : 0x80) | segment << 4 | (step & 15)) ^ 0x55
}

const tabulate = (codeOf: (sample: number) => number, sampleOf: (code: number) => number): () => Law => {
  let law: Law | undefined
  return () =>
    law ??= {
      codes: Uint8Array.from({ length: 65_536 }, (_, bits) => codeOf(bits << 16 >> 16)),
      samples: Int16Array.from({ length: 256 }, (_, code) => sampleOf(code))
    }
}

const mulaw = tabulate(mulawCode, mulawSample)
const alaw = tabulate(alawCode, alawSample)

const encode = (law: () => Law) => (samples: Int16Array): Uint8Array<ArrayBuffer> => {
  const { codes } = law()
  const out = new Uint8Array(samples.length)
  for (let i = 0; i < out.length; i++) out[i] = codes[samples[i]! & 0xffff]!
  return out
}

const decode = (law: () => Law) => (bytes: Uint8Array): Int16Array<ArrayBuffer> => {
  const { samples } = law()
  const out = new Int16Array(bytes.length)
  for (let i = 0; i < out.length; i++) out[i] = samples[bytes[i]!]!
  return out
}

/**
 * Codes samples by the μ-law of G.711, one byte each: what telephones carry in
 * America and Japan, at 8000 Hz.
 *
 * @category telephone
 * @since 0.1.0
 */
export const encodeMulaw: (samples: Int16Array) => Uint8Array<ArrayBuffer> = encode(mulaw)

/**
 * Reads the μ-law of G.711, one sample for each byte.
 *
 * @category telephone
 * @since 0.1.0
 */
export const decodeMulaw: (bytes: Uint8Array) => Int16Array<ArrayBuffer> = decode(mulaw)

/**
 * Codes samples by the A-law of G.711, one byte each: what telephones carry
 * elsewhere, at 8000 Hz.
 *
 * @category telephone
 * @since 0.1.0
 */
export const encodeAlaw: (samples: Int16Array) => Uint8Array<ArrayBuffer> = encode(alaw)

/**
 * Reads the A-law of G.711, one sample for each byte.
 *
 * @category telephone
 * @since 0.1.0
 */
export const decodeAlaw: (bytes: Uint8Array) => Int16Array<ArrayBuffer> = decode(alaw)
