/**
 * rtc-node alone, which joins rooms, speaks, and leaves them again or loses them,
 * as often as the workers do: what it leaves behind each time is not ours (with a
 * lost room, the thread and the memory of an audio source, though it was closed).
 * Prints nothing; tells how often it has joined.
 */
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from "@livekit/rtc-node"
import { AccessToken, RoomServiceClient } from "livekit-server-sdk"
import { type EventEmitter, once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import type { Address } from "./caller.ts"
import { watch } from "./watch.ts"

watch()
const stopping = new AbortController()
const rate = 24_000

/** A track with half a second of audio; gives what takes it away. */
const speak = async (room: Room): Promise<() => Promise<void>> => {
  const source = new AudioSource(rate, 1)
  const track = LocalAudioTrack.createAudioTrack("joiner", source)
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE })
  const { sid } = await room.localParticipant!.publishTrack(track, options)
  for (let i = 0; i < 25; i++) {
    await source.captureFrame(new AudioFrame(new Int16Array(rate / 50).fill(1000), rate, 1, rate / 50))
  }
  return async () => {
    if (room.isConnected) await room.localParticipant!.unpublishTrack(sid!)
    await track.close()
  }
}

/** As the callers of the workers lose theirs. */
const loses = (index: number): boolean => index % 5 === 2 && index % 4 !== 1

process.on("message", (message: Address | "stop") => {
  if (message === "stop") {
    stopping.abort()
    return
  }
  void (async () => {
    for (let joined = 0; !stopping.signal.aborted; joined++) {
      const name = `joiner-${joined}`
      const token = new AccessToken(message.key, message.secret, { identity: "joiner" })
      token.addGrant({ roomJoin: true, room: name })
      const room = new Room()
      await room.connect(message.url, await token.toJwt(), { autoSubscribe: false, dynacast: false })
      const silence = await speak(room)
      if (loses(joined)) {
        const lost = once(room as unknown as EventEmitter, "disconnected")
        await new RoomServiceClient(message.url.replace("ws", "http"), message.key, message.secret).deleteRoom(name)
        await lost
      }
      await silence()
      await room.disconnect()
      process.send!({ phase: "joined", result: joined + 1 })
      await sleep(1500)
    }
    process.exit(0)
  })()
})
process.send!({ phase: "ready" })
