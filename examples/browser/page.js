/** A page to talk to one agent; what it does with the network and the sound is in client.js. */
import { join as call } from "./client.js"
import { makeReplies } from "./replies.js"

const element = (id) => document.getElementById(id)
const [enter, mute, text, transcript, problem] = ["enter", "mute", "text", "transcript", "problem"].map(element)
const send = element("chat").querySelector("button")
const key = "effect-voice.resume"

let current
let lines = new Map()
let timer

const show = (state, data = state) => {
  element("state").textContent = state
  element("agent").dataset.state = data
}

/** One line a segment: later texts of a segment replace it. */
const line = (segment, who) => {
  const known = lines.get(segment)
  if (known) return known
  const item = document.createElement("li")
  item.className = who
  if (who === "user") replies.asked()
  transcript.append(item)
  lines.set(segment, item)
  return item
}

const onTranscript = ({ attributes, from, id, text: content }) => {
  const who = from === undefined ? "agent" : "user"
  const item = line(attributes["lk.segment_id"] ?? id, who)
  item.textContent = content
  item.classList.toggle("interim", who === "user" && attributes["lk.transcription_final"] !== "true")
  transcript.scrollTop = transcript.scrollHeight
}

// It is told when the first of it is sent, and heard a little later, or has been.
const replies = makeReplies((cell, ms) => {
  cell.textContent = `${Math.round(ms)} ms`
})

const onTold = ({ text: content }) => {
  const turn = JSON.parse(content)
  // Tools, hand-offs and failures are told, too.
  if (turn.turn === undefined) return
  const row = document.createElement("tr")
  for (const value of [turn.turn, `${Math.round(turn.totalMs)} ms`, ""]) {
    const cell = document.createElement("td")
    cell.textContent = value
    row.append(cell)
  }
  element("turns").prepend(row)
  replies.told(row.lastChild)
}

const topics = { "lk.transcription": onTranscript, "effect-voice.dev": onTold }

const step = () => {
  const { latency, levels } = current
  element("mine").value = Math.min(1, levels.microphone * 4)
  element("theirs").value = Math.min(1, levels.agent * 4)
  const parts = [["connection", latency.roundTrip], ["sound", latency.playout]].filter(([, ms]) => ms !== undefined)
  element("network").textContent = parts.map(([name, ms]) => `${name} ${Math.round(ms)} ms`).join(", ")
}

const why = {
  unauthorized: "The agent does not take this call: the token is not valid.",
  busy: "All lines are busy. Try again in a moment.",
  connection_lost: "The connection was lost for too long.",
  duplicate_identity: "The call goes on in another tab."
}

const left = (reason) => {
  clearInterval(timer)
  current = undefined
  enter.textContent = "Call"
  mute.disabled = text.disabled = send.disabled = true
  mute.setAttribute("aria-pressed", "false")
  mute.textContent = "Mute"
  element("mine").value = element("theirs").value = 0
  problem.textContent = why[reason] ?? ""
  show("not connected", "")
}

const names = { connecting: "connecting", reconnecting: "connection lost, trying again", connected: "connected" }

const open = (microphone) =>
  call({
    url: new URL("call", location.href.replace(/^http/, "ws")).href,
    storage: sessionStorage,
    microphone,
    onState: (state, reason) => state === "ended" ? left(reason) : show(names[state], ""),
    onAttributes: (attributes) => attributes["lk.agent.state"] && show(attributes["lk.agent.state"]),
    onText: (message) => topics[message.topic]?.(message),
    onReply: replies.heard
  })

const begin = async () => {
  problem.textContent = ""
  enter.disabled = true
  lines = new Map()
  replies.asked()
  transcript.replaceChildren()
  element("turns").replaceChildren()
  try {
    current = await open(true)
  } catch (error) {
    // Without a microphone one can still type, and listen.
    problem.textContent = `No microphone (${error.message ?? error.name}): type to the agent.`
    current = await open(false)
  } finally {
    enter.disabled = false
  }
  timer = setInterval(step, 50)
  enter.textContent = "Hang up"
  mute.disabled = text.disabled = send.disabled = false
}

element("join").addEventListener("submit", (event) => {
  event.preventDefault()
  if (current) current.leave()
  else void begin()
})

mute.addEventListener("click", () => {
  const muted = mute.getAttribute("aria-pressed") !== "true"
  current?.mute(muted)
  mute.setAttribute("aria-pressed", String(muted))
  mute.textContent = muted ? "Unmute" : "Mute"
})

element("chat").addEventListener("submit", (event) => {
  event.preventDefault()
  const message = text.value.trim()
  if (!message || !current) return
  text.value = ""
  line(`typed-${lines.size}`, "user").textContent = message
  current.type(message)
})

// A page that was loaded again in mid-call is still in it.
if (sessionStorage.getItem(key)) void begin()
