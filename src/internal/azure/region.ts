/** Where Azure's speech services are. */

/** Names such as `westeurope` or `usgovvirginia`. */
export const isRegion = (region: string): boolean => /^[a-z0-9]{2,40}$/.test(region)

/** The host of a service in a region; clouds of some countries have their own. */
export const host = (service: "stt" | "tts", region: string): string => {
  const cloud = region.startsWith("china") ? "azure.cn" : region.startsWith("usgov") ? "azure.us" : "microsoft.com"
  return `${region}.${service}.speech.${cloud}`
}
