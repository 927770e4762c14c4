/** The order of a history. Pure. */
import type { Item } from "../../History.ts"

/** The oldest first; those of one time stay as they are given. */
export const inOrder = (items: Iterable<Item>): ReadonlyArray<Item> =>
  [...items].sort((a, b) => a.createdAt - b.createdAt)
