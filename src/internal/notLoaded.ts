/** Why a package cannot be used that the program installs itself, and what to do; its own message may hold anything. */
import { codeOf, defectName } from "./thrown.ts"

const isAbsent = (name: string, cause: unknown): boolean =>
  /^(?:ERR_)?MODULE_NOT_FOUND$/.test(codeOf(cause) ?? "") && cause instanceof Error &&
  [`'${name}'`, `'${name}/`].some((quoted) => cause.message.includes(quoted))

export const notLoaded = (name: string, cause: unknown): string =>
  isAbsent(name, cause)
    ? `the package ${name} is not installed; install it with: npm install ${name}`
    : `the package ${name} is installed but cannot be loaded (${
      codeOf(cause) ?? defectName(cause)
    }); install it again for this system and this Node, with its optional packages: npm install ${name}`
