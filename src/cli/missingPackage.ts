/** Which package an import did not find, for a user; without anything else, which may be missing itself. */
export const missingPackage = (cause: unknown): string | undefined => {
  const name = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    ? /package '((?:@[^/']+\/)?[^/']+)/.exec(cause.message)?.[1]
    : undefined
  return name === undefined ? undefined : `effect-voice needs ${name}, which is not installed: npm install ${name}`
}
