/** Where a piece of a text is cut that is longer than pieces are. Pure. */
import * as Chars from "./chars.ts"

/** From which on a text without a space is no word any more. */
const longestWord = 500

/** The piece in the making; positions count code units from the start of the text, −1 stands for none. */
export interface Piece {
  /** Its first content, and the end of its last. */
  readonly start: number
  readonly end: number
  readonly firstWord: number
  readonly lastClause: number
  readonly lastSpace: number
  /** The last unit of its content. */
  readonly last: number
}

/** Signs, letters, or a script without spaces: cut wherever it is, but in no character. */
const withinWord = ({ end, last, start }: Piece, max: number): number =>
  start === -1 || end - start <= Math.max(longestWord, max) ? -1 : end - (Chars.isLowSurrogate(last) ? 2 : 1)

/** At a comma, or else at a space; −1 where it stays whole. */
export const cutOf = (piece: Piece, max: number): number => {
  const { firstWord, lastClause, lastSpace, start } = piece
  const space = lastClause - start > max / 2 ? lastClause : lastSpace
  return space > start && firstWord !== -1 && firstWord < space ? space : withinWord(piece, max)
}
