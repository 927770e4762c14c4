/** The page of the playground: a stock LiveKit client, and nothing that only our agents understand except the turns. */
import { Room, RoomEvent, Track } from "./livekit-client.js"
import { makeReplies } from "./replies.js"

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
/** Names of rooms that the page was given, not told: the next call gets one of its own. */
let given = ""
let patience
let lines = new Map()
/** When the page heard the caller fall silent, and whether both have been silent since: only then the agent answers. */
let silentAt
let waiting = false
/** The agent has taken what was said: what it says before, as a greeting, is no answer. */
let taken = false
/** When the page last heard the agent; a shorter silence is a breath. */
let agentAt = 0
const breath = 300
let timer

const show = (state) => {
  element("state").textContent = state
  element("agent").dataset.state = state
}

const fail = (error) => {
  problem.textContent = error instanceof Error ? error.message : String(error)
}

// It is told when the first of it is sent, and heard a little later, or has been.
const replies = makeReplies((cell, ms) => {
  cell.textContent = `${Math.round(ms)} ms`
})

/** One line a segment: later texts of a segment replace or extend it. */
const line = (segment, who) => {
  const known = lines.get(segment)
  if (known) return known
  const item = document.createElement("li")
  item.className = who
  if (who === "user") {
    replies.asked()
    taken = true
  }
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
  if (who === "agent") {
    met = true
    item.classList.remove("interim")
  }
}

const note = (className, content) => {
  const item = document.createElement("li")
  item.className = className
  item.textContent = content
  transcript.append(item)
  transcript.scrollTop = transcript.scrollHeight
  return item
}

const short = (text) => text.length > 300 ? `${text.slice(0, 300)}…` : text

const stageNames = {
  endOfUtterance: "end of turn",
  transcriptionDelay: "transcript",
  tools: "tools",
  llmFirstToken: "first token",
  firstSentence: "first sentence",
  ttsFirstByte: "first audio",
  playoutStart: "playout"
}

const onMeasured = ({ stages, totalMs, turn }) => {
  const row = document.createElement("tr")
  for (const value of [turn, `${Math.round(totalMs)} ms`, ""]) {
    const cell = document.createElement("td")
    cell.textContent = value
    row.append(cell)
  }
  const detail = document.createElement("tr")
  detail.className = "stages"
  const cell = document.createElement("td")
  cell.colSpan = 3
  cell.textContent = stages.filter(([, ms]) => ms >= 1).map(([name, ms]) => `${stageNames[name]} ${Math.round(ms)}`)
    .join(
      " · "
    )
  detail.append(cell)
  element("turns").prepend(row, detail)
  replies.told(row.lastChild)
}

/** What the command tells of the conversation, beside what every frontend sees. */
const onTold = async (reader) => {
  const told = JSON.parse(await reader.readAll())
  if (told.totalMs !== undefined) onMeasured(told)
  if (told.tool) lines.set(`call-${told.id}`, note("note tool", `${told.tool} …`))
  for (const { id, isFailure, params, result, tool } of told.tools ?? []) {
    const item = lines.get(`call-${id}`) ?? note("note tool", "")
    item.classList.toggle("failed", isFailure)
    item.textContent = `${tool}(${short(params)}) ${isFailure ? "failed:" : "→"} ${short(result)}`
  }
  if (told.agent) note("note", `${told.agent} takes over`)
  if (told.failure) note(`note ${told.recovered ? "" : "failed"}`, `${told.failure}${told.recovered ? "" : " failed"}`)
  if (told.interrupted !== undefined) {
    const spoken = [...transcript.querySelectorAll("li.agent")].at(-1)
    spoken?.classList.add("interrupted")
  }
  if (told.closed) note("note", `the conversation is over (${told.closed.replaceAll("_", " ")})`)
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
let gone = false
/** The agent has said something in this call. */
let met = false

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
  } else if (waiting && taken) {
    replies.heard(now - silentAt)
    silentAt = undefined
    waiting = taken = false
  }
  if (other > loud) agentAt = now
}

const agentState = (participant) => {
  if (!participant.isAgent) return
  const state = participant.attributes["lk.agent.state"]
  if (state === "thinking") taken = true
  show(state ?? "connecting")
}

const hasAgent = (joined) => [...joined.remoteParticipants.values()].some(({ isAgent }) => isAgent)

/** The agent has hung up, or its program has ended: the next call is another one. */
const onGone = (joined) => {
  if (room !== joined || hasAgent(joined)) return
  // It was with whoever was here before.
  if (!met) return show("waiting for an agent")
  show("the agent has left")
  gone = true
  enter.textContent = "Call again"
}

/** A room that was open before brings no agent by itself. */
const fetchAgent = (joined) => {
  patience = setInterval(async () => {
    if (room !== joined || gone || hasAgent(joined)) return clearInterval(patience)
    const answer = await fetch("agent", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room: joined.name })
    }).catch(() => undefined)
    if (answer && !answer.ok) fail((await answer.json()).message)
  }, 4000)
}

const wished = () => {
  const { value } = element("room")
  return value === given ? "" : value
}

/** Another one for each call: the server takes who comes back at once under the same for one whose line was cut. */
const identity = () => `${element("name").value || "caller"}-${Math.random().toString(36).slice(2, 6)}`

/** Nobody needs one: who has none types. */
const openMicrophone = async (joined) => {
  try {
    await joined.localParticipant.setMicrophoneEnabled(true, { echoCancellation: true, noiseSuppression: true })
    const microphone = joined.localParticipant.getTrackPublication(Track.Source.Microphone)?.audioTrack
    if (microphone) mine = meterOf(microphone)
    mute.textContent = "Mute"
    mute.setAttribute("aria-pressed", "false")
  } catch {
    mute.textContent = "Use microphone"
    note(
      "note",
      "No microphone can be used: type to the agent, or allow it in the browser and press “Use microphone”."
    )
  }
}

const connect = async () => {
  const answer = await fetch("token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ room: wished() || undefined, identity: identity() })
  })
  const body = await answer.json()
  if (!answer.ok) throw new Error(body.message ?? `the token endpoint answered with ${answer.status}`)
  const joined = new Room({ adaptiveStream: false })
  room = joined
  joined.registerTextStreamHandler("lk.transcription", (reader, from) => void onTranscription(reader, from).catch(fail))
  joined.registerTextStreamHandler("effect-voice.dev", (reader) => void onTold(reader).catch(fail))
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
    .on(RoomEvent.ParticipantDisconnected, (participant) => participant.isAgent && onGone(joined))
    .on(RoomEvent.Disconnected, left)
  await joined.connect(body.url, body.token)
  if (!wished()) given = joined.name
  element("room").value = joined.name
  gone = met = taken = false
  show("waiting for an agent")
  joined.remoteParticipants.forEach(agentState)
  fetchAgent(joined)
  await openMicrophone(joined)
  timer = setInterval(step, 20)
}

const left = () => {
  clearInterval(timer)
  clearInterval(patience)
  mine?.close()
  theirs?.close()
  mine = theirs = room = undefined
  lines = new Map()
  enter.textContent = "Join"
  mute.disabled = text.disabled = chat.querySelector("button").disabled = true
  show("not connected")
}

const forget = () => {
  replies.asked()
  transcript.replaceChildren()
  element("turns").replaceChildren()
}

const hold = async () => {
  await connect()
  if (!gone) enter.textContent = "Leave"
  mute.disabled = text.disabled = chat.querySelector("button").disabled = false
}

join.addEventListener("submit", async (event) => {
  event.preventDefault()
  problem.textContent = ""
  enter.disabled = true
  try {
    const leaves = room !== undefined && !gone
    gone = false
    // At once: what was said in the call before is not taken for this one's.
    if (!leaves) forget()
    await room?.disconnect()
    if (!leaves) await hold()
  } catch (error) {
    fail(error)
    await room?.disconnect()
    left()
  } finally {
    enter.disabled = false
  }
})

mute.addEventListener("click", async () => {
  if (!room) return
  if (!mine) return openMicrophone(room)
  const muted = mute.getAttribute("aria-pressed") !== "true"
  await room.localParticipant.setMicrophoneEnabled(!muted).catch(fail)
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
