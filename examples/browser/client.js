/**
 * A caller in a browser, over one WebSocket: take this file. It needs nothing.
 *
 *     const call = await join({ url: "wss://shop.example/call", onText: console.log })
 *
 * The microphone goes through the browser's echo cancellation. A socket that is
 * lost is opened again by itself, and the same call goes on; `storage` (such as
 * `sessionStorage`) makes it outlive a reload of the page, too. docs/browser.md has
 * the protocol.
 *
 * @typedef {object} Options
 * @property {string} url Of the socket.
 * @property {string} [token]
 * @property {string} [name] Of the caller.
 * @property {Storage} [storage] Where the way back into the call is kept.
 * @property {boolean} [microphone] `false` calls without one: to hear, and to type.
 * @property {(state: "connecting" | "connected" | "reconnecting" | "ended", reason?: string) => void} [onState]
 * @property {(message: {topic: string, text: string, from?: string, id?: string, attributes: Record<string, string>, open?: boolean}) => void} [onText] What
 *   was sent, whole; a text that grows is given again as it does, with the same id.
 * @property {(attributes: Record<string, string>) => void} [onAttributes] Of the agent: `lk.agent.state` is what it does.
 * @property {(ms: number) => void} [onReply] From when you fell silent to when the agent was heard, as you hear it.
 */

const header = 8
const keep = "effect-voice.resume"

const worklets = `
registerProcessor("ev-microphone", class extends AudioWorkletProcessor {
  constructor() {
    super()
    this.size = Math.round(sampleRate / 25)
    this.samples = new Int16Array(this.size)
    this.filled = 0
    this.square = 0
  }
  process([[channel]]) {
    for (const value of channel ?? new Float32Array(128)) {
      this.square += value * value
      this.samples[this.filled++] = Math.max(-1, Math.min(1, value)) * 32767
      if (this.filled < this.size) continue
      this.port.postMessage({ samples: this.samples.slice(), level: Math.sqrt(this.square / this.size) })
      this.filled = 0
      this.square = 0
    }
    return true
  }
})
registerProcessor("ev-loudspeaker", class extends AudioWorkletProcessor {
  constructor() {
    super()
    this.queue = []
    this.at = 0
    this.played = 0
    this.blocks = 0
    this.level = 0
    this.fading = undefined
    this.port.onmessage = ({ data }) => {
      if (data !== "clear") return void this.queue.push(data)
      // What is cut is let fall over some milliseconds: it would click.
      const rest = this.queue.shift()
      this.fading = rest && { samples: rest.samples, at: this.at }
      this.queue = []
      this.at = 0
    }
  }
  tell(level) {
    this.level = level
    this.port.postMessage({ played: this.played, level })
  }
  process(inputs, [[out]]) {
    const before = this.queue.length
    let square = 0
    let i = 0
    if (this.fading) {
      const { samples, at } = this.fading
      for (let k = 0; k < out.length && at + k < samples.length; k++) out[k] = samples[at + k] * (1 - k / out.length)
      this.fading = undefined
      return true
    }
    while (i < out.length && this.queue.length > 0) {
      const { samples, position } = this.queue[0]
      while (i < out.length && this.at < samples.length) {
        out[i] = samples[this.at++]
        square += out[i] * out[i]
        i++
      }
      this.played = position - (samples.length - this.at) / sampleRate * 1000
      if (this.at < samples.length) continue
      this.queue.shift()
      this.at = 0
    }
    if (before === 0) {
      // Cut, or late: what was heard last is heard no more.
      if (this.level > 0) this.tell(0)
      return true
    }
    if (++this.blocks % 4 === 0 || this.queue.length === 0) this.tell(Math.sqrt(square / out.length))
    return true
  }
})`

/** Two contexts: a microphone may have a rate of its own, which is told; the loudspeaker's is the server's. */
const openAudio = async (wanted) => {
  const url = URL.createObjectURL(new Blob([worklets], { type: "text/javascript" }))
  const context = async (sampleRate) => {
    const made = new AudioContext({ latencyHint: "interactive", ...(sampleRate ? { sampleRate } : {}) })
    await made.audioWorklet.addModule(url)
    return made
  }
  const stream = wanted
    ? await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 }
    })
    : undefined
  let input
  let microphone
  if (stream) {
    try {
      input = await context(16000)
      input.createMediaStreamSource(stream)
    } catch {
      // Not every browser brings a microphone to a rate.
      await input?.close()
      input = await context()
    }
    microphone = new AudioWorkletNode(input, "ev-microphone", { numberOfOutputs: 0 })
    input.createMediaStreamSource(stream).connect(microphone)
  }
  const outputs = new Map()
  return {
    rate: input?.sampleRate ?? 16000,
    microphone,
    /** The loudspeaker at a rate: made once. */
    loudspeaker: (rate) => {
      const existing = outputs.get(rate)
      if (existing) return existing
      const made = context(rate).then((output) => {
        const node = new AudioWorkletNode(output, "ev-loudspeaker", { numberOfInputs: 0, outputChannelCount: [1] })
        node.connect(output.destination)
        return { node, output }
      })
      outputs.set(rate, made)
      return made
    },
    close: async () => {
      for (const track of stream?.getTracks() ?? []) track.stop()
      await input?.close()
      for (const made of outputs.values()) await (await made).output.close()
      URL.revokeObjectURL(url)
    }
  }
}

/**
 * Joins a call; resolves when the microphone is there, and tells the rest by `on…`. `call` asks a method of the agent
 * (`room.handle`), and rejects where it fails or is late; `handle` answers what the agent asks (`room.call`).
 */
export const join = async (/** @type {Options} */ options) => {
  const { onAttributes, onReply, onState, onText, storage, token } = options
  const audio = await openAudio(options.microphone !== false)
  const latency = { roundTrip: undefined, playout: undefined, reply: undefined }
  const levels = { microphone: 0, agent: 0 }
  const texts = new Map()
  const handlers = new Map()
  // What the agent was asked, until it has answered.
  const asked = new Map()
  let asks = 0
  let socket
  let resume = storage?.getItem(keep) ?? undefined
  let ended = false
  let muted = false
  let sent = 0
  let attempt = 0
  let heardAt = 0
  let waitUntil
  let lostAt
  let speaker
  let silentSince
  // The agent has taken what was said: what it says before, as a greeting, is no answer.
  let taken = false
  let agentAt = 0
  let timer

  const tell = (message) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }

  const answered = (id, settle) => {
    const question = asked.get(id)
    if (question === undefined) return
    asked.delete(id)
    clearTimeout(question.late)
    settle(question)
  }

  const unanswered = (why) => {
    for (const id of asked.keys()) answered(id, ({ method, reject }) => reject(new Error(`${method}: ${why}`)))
  }

  const end = (reason) => {
    if (ended) return
    ended = true
    unanswered("the call is over")
    clearTimeout(timer)
    clearInterval(watching)
    // In another tab the call goes on, which may have the same storage.
    if (reason !== "duplicate_identity") storage?.removeItem(keep)
    socket?.close(1000)
    void audio.close()
    onState?.("ended", reason)
  }

  if (audio.microphone) {
    audio.microphone.port.addEventListener("message", ({ data: { level, samples } }) => {
      levels.microphone = muted ? 0 : level
      if (levels.microphone > 0.02) silentSince = performance.now()
      const at = sent / audio.rate * 1000
      sent += samples.length
      // What a network does not take is missing, and its time is counted.
      if (muted || socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > 65536 || !waitUntil) return
      const message = new ArrayBuffer(header + samples.byteLength)
      new DataView(message).setFloat64(0, at, true)
      new Int16Array(message, header).set(samples)
      socket.send(message)
    })
    audio.microphone.port.start()
  }

  const play = (message) => {
    if (!speaker) return
    const position = new DataView(message).getFloat64(0, true)
    const samples = Float32Array.from(new Int16Array(message, header), (sample) => sample / 32768)
    speaker.node.port.postMessage({ position, samples }, [samples.buffer])
  }

  const grown = (id, change) => {
    const text = texts.get(id)
    if (!text) return
    Object.assign(text, change(text))
    onText?.({ ...text })
    if (!text.open) texts.delete(id)
  }

  const follow = (opened) => {
    speaker = opened
    speaker.node.port.addEventListener("message", ({ data: { level, played } }) => {
      const now = performance.now()
      latency.playout = ((speaker.output.outputLatency ?? 0) + (speaker.output.baseLatency ?? 0)) * 1000
      if (level >= 0.01) {
        // A shorter silence of the agent is a breath; what it says on while the caller falls silent is no answer.
        if (now - agentAt > 300 && taken) {
          if (silentSince !== undefined) {
            latency.reply = now - silentSince + latency.playout
            onReply?.(latency.reply)
          }
          silentSince = undefined
          taken = false
        }
        agentAt = now
      }
      levels.agent = level
      // It is heard when the device has played it.
      setTimeout(() => tell({ type: "played", position: played }), latency.playout)
    })
    speaker.node.port.start()
  }

  const joined = async ({ resume: secret, returnTimeout, sampleRate }, on) => {
    resume = secret
    waitUntil = returnTimeout
    storage?.setItem(keep, secret)
    const opened = await audio.loudspeaker(sampleRate)
    if (on !== socket) return
    if (opened !== speaker) follow(opened)
    speaker.node.port.postMessage("clear", [])
    await speaker.output.resume()
    attempt = 0
    lostAt = undefined
    onState?.("connected")
  }

  const take = {
    joined: (message, on) => void joined(message, on),
    clear: () => speaker?.node.port.postMessage("clear", []),
    ping: ({ id }) => tell({ type: "pong", id }),
    text: ({ type: _, ...text }) => {
      if (text.from !== undefined) taken = true
      onText?.(text)
    },
    "text-opened": ({ type: _, ...text }) => void texts.set(text.id, { ...text, text: "", open: true }),
    "text-written": ({ id, text }) => grown(id, (before) => ({ text: before.text + text })),
    "text-closed": ({ id }) => grown(id, () => ({ open: false })),
    attributes: ({ attributes }) => {
      if (attributes["lk.agent.state"] === "thinking") taken = true
      onAttributes?.(attributes)
    },
    call: async ({ id, method, payload }) => {
      const answer = await Promise.resolve(handlers.get(method)?.(payload)).catch(() => undefined)
      tell({ type: "answer", id, ...(answer === undefined ? {} : { payload: answer }) })
    },
    answer: ({ error, id, payload }) =>
      answered(
        id,
        ({ method, reject, resolve }) =>
          payload === undefined ? reject(new Error(`${method}: ${error ?? "refused"}`)) : resolve(payload)
      ),
    ended: ({ reason }) => end(reason),
    // One that drains is closed now, and another may take its place.
    refused: ({ reason }) => reason === "draining" || end(reason)
  }

  const connect = () => {
    onState?.(attempt === 0 && !waitUntil ? "connecting" : "reconnecting")
    const opened = performance.now()
    const one = new WebSocket(options.url)
    socket = one
    one.binaryType = "arraybuffer"
    one.addEventListener("open", () => {
      latency.roundTrip = performance.now() - opened
      heardAt = performance.now()
      // The stream begins anew: its time is that of this socket.
      sent = 0
      tell({
        type: "join",
        sampleRate: audio.rate,
        ...(token === undefined ? {} : { token }),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(resume === undefined ? {} : { resume })
      })
      if (muted) tell({ type: "muted", muted })
    })
    one.addEventListener("message", ({ data }) => {
      if (one !== socket) return
      heardAt = performance.now()
      if (typeof data !== "string") return play(data)
      const message = JSON.parse(data)
      take[message.type]?.(message, one)
    })
    one.addEventListener("close", () => {
      if (one === socket && !ended) again()
    })
  }

  const again = () => {
    socket = undefined
    unanswered("the connection is lost")
    lostAt ??= performance.now()
    if (performance.now() - lostAt > Math.max(60_000, waitUntil ?? 0)) return end("connection_lost")
    speaker?.node.port.postMessage("clear", [])
    onState?.("reconnecting")
    timer = setTimeout(connect, Math.min(250 * 2 ** attempt++, 5000))
  }

  // A server says something every few seconds: one that says nothing is gone, whatever the socket believes.
  const watching = setInterval(() => {
    if (socket?.readyState !== WebSocket.OPEN || performance.now() - heardAt < 12_000) return
    const lost = socket
    again()
    lost.close()
  }, 1000)

  connect()
  return {
    latency,
    levels,
    mute: (on) => {
      muted = on
      tell({ type: "muted", muted })
    },
    type: (text, topic = "lk.chat") => {
      // Who types has not fallen silent.
      silentSince = undefined
      tell({ type: "text", topic, text })
    },
    press: (digits) => tell({ type: "keys", digits }),
    call: (method, payload = "", timeout = 15_000) =>
      new Promise((resolve, reject) => {
        if (socket?.readyState !== WebSocket.OPEN || !waitUntil) return reject(new Error(`${method}: not connected`))
        const id = String(++asks)
        const late = setTimeout(
          () => answered(id, () => reject(new Error(`${method}: no answer within ${timeout} ms`))),
          timeout
        )
        asked.set(id, { method, late, resolve, reject })
        tell({ type: "call", id, method, payload })
      }),
    handle: (method, handler) => void handlers.set(method, handler),
    leave: () => {
      tell({ type: "leave" })
      end("left")
    }
  }
}
