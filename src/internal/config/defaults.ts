/** Names of models and voices where nobody gives others, and those that stand in for them. */

export const openAi = { model: "gpt-4o-mini" } as const

export const elevenLabs = { model: "eleven_turbo_v2", voice: "Rachel", standIn: "Antoni" } as const
/** Where nobody but this machine is answered. */
export const loopback = "127.0.0.1"
