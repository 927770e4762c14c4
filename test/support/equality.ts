/**
 * Errors are equal where all that they hold is: by itself the assertion compares their name and message, and no field, so that
 * a test of a failure's reason or delay could not fail.
 */
import { chai } from "vitest"

const comparator = (left: unknown, right: unknown): boolean | null =>
  left instanceof Error && right instanceof Error
    ? left === right ||
      (left.name === right.name && left.message === right.message &&
        chai.util.eql({ ...left }, { ...right }, { comparator }))
    : null

chai.config.deepEqual = (left, right) => chai.util.eql(left, right, { comparator })
