/** A caller in a process of its own, who talks, is silent, and talks, until the process ends. */
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from "@livekit/rtc-node"
import { readFileSync } from "node:fs"

const rate = 24_000
// The samples of a WAV file of 24 kHz, behind its header of 44 bytes.
const bytes = readFileSync(new URL("../../fixtures/weather_question.wav", import.meta.url)).subarray(44)
const speech = new Int16Array(new Uint8Array(bytes).buffer, 0, Math.floor(bytes.length / 2))
const length = rate / 50
const pause = rate * 2

const room = new Room()
const { REMOTE_TOKEN: token = "", REMOTE_URL: url = "" } = process.env
await room.connect(url, token, {
  autoSubscribe: false,
  dynacast: false
})
const source = new AudioSource(rate, 1, 200)
const track = LocalAudioTrack.createAudioTrack("microphone", source)
await room.localParticipant!.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
process.stdout.write("talking\n")
for (let at = 0;; at = (at + length) % (speech.length + pause)) {
  const frame = new Int16Array(length)
  frame.set(speech.subarray(at, at + length))
  await source.captureFrame(new AudioFrame(frame, rate, 1, length))
}
