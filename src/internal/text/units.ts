/** Code units that mean something to Markdown. */
export const newline = 10
export const blank = 32
export const bang = 33
export const parenOpen = 40
export const parenClose = 41
export const star = 42
export const bracketOpen = 91
export const backslash = 92
export const bracketClose = 93
export const underscore = 95
export const backtick = 96
export const pipe = 124
export const tilde = 126
