/**
 * Replaces words in a text that comes in pieces: the longest entry wins, and only
 * whole words count. Entries are compiled once, into a tree that all runs share; a
 * run holds no more than the longest entry.
 */
import * as Chars from "./chars.ts"
import type { Run } from "./transform.ts"

interface Node {
  readonly children: Map<number, Node>
  replacement: string | undefined
}

export interface Dictionary {
  readonly root: Node
  readonly fold: (unit: number) => number
}

/** Folds code units one by one, so that lengths never change. */
const foldCase = (unit: number): number => {
  if (unit < 0x80) {
    return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit
  }
  const folded = String.fromCharCode(unit).toLowerCase()
  return folded.length === 1 ? folded.charCodeAt(0) : unit
}

const makeNode = (): Node => ({ children: new Map(), replacement: undefined })

export const compile = (entries: Readonly<Record<string, string>>, isCaseSensitive: boolean): Dictionary => {
  const fold = isCaseSensitive ? (unit: number) => unit : foldCase
  const root = makeNode()
  for (const [key, replacement] of Object.entries(entries)) {
    let node = root
    for (let i = 0; i < key.length; i++) {
      const unit = fold(key.charCodeAt(i))
      let child = node.children.get(unit)
      if (child === undefined) {
        child = makeNode()
        node.children.set(unit, child)
      }
      node = child
    }
    if (key !== "") {
      node.replacement = replacement
    }
  }
  return { root, fold }
}

const none = -1

const isWord = (unit: number): boolean => unit !== none && (Chars.isWord(unit) || unit === 0x5f)

/** Whether a word may begin or end between two units. */
const isEdge = (left: number, right: number): boolean =>
  !isWord(left) || !isWord(right) || Chars.isJoined(left) || Chars.isJoined(right)

export const open = (dictionary: Dictionary): Run => {
  const { fold, root } = dictionary
  let held = ""
  let before = none

  const run = (text: string, isEnd: boolean): string => {
    let out = ""
    let copied = 0
    let at = 0
    scan: while (at < text.length) {
      const first = text.charCodeAt(at)
      let node = isEdge(before, first) ? root.children.get(fold(first)) : undefined
      let end = at
      let replacement: string | undefined
      let matched = at
      while (node !== undefined) {
        end++
        const last = text.charCodeAt(end - 1)
        const isDecided = isEnd || node.children.size === 0 && (!isWord(last) || Chars.isJoined(last))
        if (end === text.length && !isDecided) {
          break scan
        }
        const next = end === text.length ? none : text.charCodeAt(end)
        if (node.replacement !== undefined && isEdge(last, next)) {
          replacement = node.replacement
          matched = end
        }
        node = next === none ? undefined : node.children.get(fold(next))
      }
      if (replacement === undefined) {
        before = first
        at++
      } else {
        out += text.slice(copied, at) + replacement
        before = none
        copied = at = matched
      }
    }
    held = text.slice(at)
    return out + text.slice(copied, at)
  }

  return {
    push: (chunk) => chunk === "" ? "" : run(held + chunk, false),
    end: () => {
      const out = run(held, true)
      before = none
      return out
    }
  }
}
