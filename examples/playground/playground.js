/** The page of the playground: a stock LiveKit client, and nothing that only our agents understand except the turns. */
import { Room, RoomEvent, Track } from "./livekit-client.js"

const element = (id) => document.getElementById(id)
const [join, enter, mute, chat, text, transcript, problem] = [
  "join",
  "enter",
  "mute",
  "chat",
  "text",
  "transcript",
  "problem"
].map(element)

/** Above it someone is talking, as a share of full scale. */
const loud = 0.02

let room
let lines = new Map()
/** When the page heard the caller fall silent, and whether both have been silent since: only then the agent answers. */
let silentAt
let waiting = false
/** When the page last heard the agent; a shorter silence is a breath. */
let agentAt = 0
const breath = 300
/** What the page has measured and the agent has not told yet. */
let heardMs
let timer

const show = (state) => {
  element("state").textContent = state
  element("agent").dataset.state = state
}

const fail = (error) => {
  problem.textContent = error instanceof Error ? error.message : String(error)
}

/** One line a segment: later texts of a segment replace or extend it. */
const line = (segment, who) => {
  const known = lines.get(segment)
  if (known) return known
  const item = document.createElement("li")
  item.className = who
  transcript.append(item)
  lines.set(segment, item)
  return item
}

const onTranscription = async (reader, { identity }) => {
  const attributes = reader.info.attributes ?? {}
  const who = identity === room.localParticipant.identity ? "user" : "agent"
  const item = line(attributes["lk.segment_id"] ?? reader.info.id, who)
  const final = attributes["lk.transcription_final"] === "true"
  let content = ""
  for await (const piece of reader) {
    content += piece
    item.textContent = content
    item.classList.toggle("interim", !final)
    transcript.scrollTop = transcript.scrollHeight
  }
  if (who === "agent") item.classList.remove("interim")
}

const onTurn = async (reader) => {
  const turn = JSON.parse(await reader.readAll())
  const row = document.createElement("tr")
  const heard = heardMs === undefined ? "" : `${Math.round(heardMs)} ms`
  for (const value of [turn.turn, `${Math.round(turn.totalMs)} ms`, heard]) {
    const cell = document.createElement("td")
    cell.textContent = value
    row.append(cell)
  }
  element("turns").prepend(row)
  heardMs = undefined
}

/** Reads a track's loudness on each step of the page's own clock. */
const meterOf = (track) => {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  return {
    read: () => {
      analyser.getFloatTimeDomainData(samples)
      return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)
    },
    close: () => context.close()
  }
}

let mine
let theirs

const step = () => {
  const now = performance.now()
  const own = mine?.read() ?? 0
  const other = theirs?.read() ?? 0
  element("mine").value = Math.min(1, own * 4)
  element("theirs").value = Math.min(1, other * 4)
  if (own > loud) {
    silentAt = now
    waiting = false
  } else if (other <= loud) {
    if (silentAt !== undefined && now - agentAt > breath) waiting = true
  } else if (waiting) {
    heardMs = now - silentAt
    silentAt = undefined
    waiting = false
  }
  if (other > loud) agentAt = now
}

const agentState = (participant) => {
  if (participant.isAgent) show(participant.attributes["lk.agent.state"] ?? "connecting")
}

const connect = async () => {
  const answer = await fetch("token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ room: element("room").value || undefined, identity: element("name").value || undefined })
  })
  const body = await answer.json()
  if (!answer.ok) throw new Error(body.message ?? `the token endpoint answered with ${answer.status}`)
  const joined = new Room({ adaptiveStream: false })
  room = joined
  joined.registerTextStreamHandler("lk.transcription", (reader, from) => void onTranscription(reader, from).catch(fail))
  joined.registerTextStreamHandler("effect-voice.turn", (reader) => void onTurn(reader).catch(fail))
  joined
    .on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind !== Track.Kind.Audio) return
      document.body.append(track.attach())
      theirs?.close()
      theirs = meterOf(track)
    })
    .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((tag) => tag.remove()))
    .on(RoomEvent.ParticipantConnected, agentState)
    .on(RoomEvent.ParticipantAttributesChanged, (_, participant) => agentState(participant))
    .on(RoomEvent.ParticipantDisconnected, (participant) => participant.isAgent && show("the agent has left"))
    .on(RoomEvent.Disconnected, left)
  await joined.connect(body.url, body.token)
  element("room").value = joined.name
  show("waiting for an agent")
  joined.remoteParticipants.forEach(agentState)
  await joined.localParticipant.setMicrophoneEnabled(true, { echoCancellation: true, noiseSuppression: true })
  const microphone = joined.localParticipant.getTrackPublication(Track.Source.Microphone)?.audioTrack
  if (microphone) mine = meterOf(microphone)
  timer = setInterval(step, 20)
}

const left = () => {
  clearInterval(timer)
  mine?.close()
  theirs?.close()
  mine = theirs = room = undefined
  lines = new Map()
  enter.textContent = "Join"
  mute.disabled = text.disabled = chat.querySelector("button").disabled = true
  show("not connected")
}

join.addEventListener("submit", async (event) => {
  event.preventDefault()
  problem.textContent = ""
  enter.disabled = true
  try {
    if (room) await room.disconnect()
    else {
      transcript.replaceChildren()
      element("turns").replaceChildren()
      await connect()
      enter.textContent = "Leave"
      mute.disabled = text.disabled = chat.querySelector("button").disabled = false
    }
  } catch (error) {
    fail(error)
    await room?.disconnect()
    left()
  } finally {
    enter.disabled = false
  }
})

mute.addEventListener("click", async () => {
  const muted = mute.getAttribute("aria-pressed") !== "true"
  await room?.localParticipant.setMicrophoneEnabled(!muted)
  mute.setAttribute("aria-pressed", String(muted))
  mute.textContent = muted ? "Unmute" : "Mute"
})

chat.addEventListener("submit", async (event) => {
  event.preventDefault()
  const message = text.value.trim()
  if (!message || !room) return
  text.value = ""
  const item = line(`typed-${lines.size}`, "user")
  item.textContent = message
  await room.localParticipant.sendText(message, { topic: "lk.chat" }).catch(fail)
})
