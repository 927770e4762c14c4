/** Where the frames of a stream follow each other, and where there is a gap: by their times, which jitter. */

/** Jumps of `at` beyond this are real however long the frames are. */
const longestJitterMs = 100

/** Follows where the frames of a stream begin and tells a jump from jitter. */
export class Continuity {
  /** Where the next frame should begin, in milliseconds, where known. */
  #expected: number | undefined = undefined
  /** How far the last frame lay off, in milliseconds; 0 where it continued the one before. */
  jump = 0

  /** Takes the next frame and gives its begin: `at` after a jump, else the end of the frame before. */
  next(at: number | undefined, length: number): number | undefined {
    const expected = this.#expected
    const off = at === undefined || expected === undefined ? 0 : at - expected
    this.jump = Math.abs(off) > Math.min(length, longestJitterMs) + 1e-6 ? off : 0
    const begin = this.jump !== 0 || expected === undefined ? at : expected
    this.#expected = begin === undefined ? undefined : begin + length
    return begin
  }

  reset(): void {
    this.#expected = undefined
    this.jump = 0
  }
}
