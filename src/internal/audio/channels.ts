/** From one number of channels to another, into buffers of the caller. */

/**
 * Writes `count` sample frames of interleaved `from`-channel audio as
 * interleaved `to`-channel audio, unrounded.
 *
 * Fewer channels: each takes the average of every `to`-th source channel, so
 * nothing can clip. More channels: the source channels repeat.
 */
export const remix = (
  source: Int16Array,
  start: number,
  count: number,
  from: number,
  into: ReadonlyArray<Float64Array>,
  offset: number
): void => {
  const to = into.length
  for (let channel = 0; channel < to; channel++) {
    const target = into[channel]!
    if (from <= to) {
      let i = start * from + channel % from
      for (let k = 0; k < count; k++, i += from) {
        target[offset + k] = source[i]!
      }
      continue
    }
    const share = 1 / Math.ceil((from - channel) / to)
    for (let k = 0; k < count; k++) {
      const base = (start + k) * from
      let sum = 0
      for (let i = channel; i < from; i += to) {
        sum += source[base + i]!
      }
      target[offset + k] = sum * share
    }
  }
}

/** The same, rounded, for audio whose rate stays. */
export const remixSamples = (source: Int16Array, from: number, to: number): Int16Array => {
  const count = Math.floor(source.length / from)
  const out = new Int16Array(count * to)
  for (let channel = 0; channel < to; channel++) {
    const parts = from <= to ? 1 : Math.ceil((from - channel) / to)
    const step = from <= to ? from : to
    const first = from <= to ? channel % from : channel
    for (let k = 0, o = channel, base = first; k < count; k++, o += to, base += from) {
      let sum = source[base]!
      for (let part = 1; part < parts; part++) {
        sum += source[base + part * step]!
      }
      out[o] = Math.round(sum / parts)
    }
  }
  return out
}
