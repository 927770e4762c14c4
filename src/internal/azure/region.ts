/** Where Azure's speech services are. */
import * as Check from "../options.ts"

/** Names such as `westeurope` or `usgovvirginia`. */
export const region = Check.required(
  Check.text({ pattern: /^[a-z0-9]{2,40}$/, must: "be the region's own name, such as westeurope" })
)

/** The host of a service in a region; clouds of some countries have their own. */
export const host = (service: "stt" | "tts", region: string): string => {
  const cloud = region.startsWith("china") ? "azure.cn" : region.startsWith("usgov") ? "azure.us" : "microsoft.com"
  return `${region}.${service}.speech.${cloud}`
}
