import type * as Stt from "../../Stt.ts"

type Transcribe = Stt.Stt["Service"]["transcribe"]

/**
 * An empty transcript is no news for a user of an `Stt`, but it tells the guard
 * that the provider has answered. `Stt.make` leaves the unfiltered stream here.
 */
const answers = new WeakMap<Stt.Stt["Service"], Transcribe>()

export const remember = (service: Stt.Stt["Service"], transcribe: Transcribe): Stt.Stt["Service"] => {
  answers.set(service, transcribe)
  return service
}

export const answersOf = (service: Stt.Stt["Service"]): Transcribe => answers.get(service) ?? service.transcribe

export const isEmpty = (heard: Stt.Transcript): boolean => heard.text.trim() === ""
