/** What stock frontends listen to, by the names of LiveKit's protocol. */

export const topics = {
  transcription: "lk.transcription",
  chat: "lk.chat",
  preconnect: "lk.agent.pre-connect-audio-buffer",
  session: "lk.agent.session"
} as const

/** Of a recording (bytes): more than ten seconds of raw stereo at 48 kHz. */
export const longestRecording = 2 * 1024 * 1024

/** Of a request about the session (bytes). */
export const longestRequest = 64 * 1024

export const attributes = {
  state: "lk.agent.state",
  name: "lk.agent.name",
  segment: "lk.segment_id",
  final: "lk.transcription_final",
  track: "lk.transcribed_track_id",
  onBehalf: "lk.publish_on_behalf"
} as const
