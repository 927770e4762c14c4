/** What every agent of the benchmark answers: 1.5 seconds of a tone. */
export const reply = {
  sampleRate: 24_000,
  channels: 1,
  samples: Int16Array.from({ length: 36_000 }, (_, i) => Math.round(8000 * Math.sin(2 * Math.PI * 440 * i / 24_000)))
}
