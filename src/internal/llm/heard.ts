/** What was said in a prompt as audio, beside its text. */
import * as Prompt from "effect/ai/Prompt"

// For who hears the audio, the words beside it are those of the audio, and nothing that comes to it.
const mark = "effect-voice"

/** A message that was said: its audio, as a WAV file, and its words. */
export const saidMessage = (audio: Uint8Array, text: string): Prompt.Message =>
  Prompt.userMessage({
    content: [
      Prompt.filePart({ mediaType: "audio/wav", data: audio }),
      Prompt.textPart({ text, options: { [mark]: { transcript: true } } })
    ]
  })

/** A file part that a model can listen to. */
export const isAudio = (part: Prompt.UserMessagePart): boolean =>
  part.type === "file" && part.mediaType.startsWith("audio/")

/** Words that stand beside their audio. */
export const isTranscript = (part: Prompt.UserMessagePart): part is Prompt.TextPart =>
  part.type === "text" && part.options[mark] !== undefined

/** For who hears the audio: its words are not told, too. */
export const withoutTranscript = (
  content: ReadonlyArray<Prompt.UserMessagePart>
): ReadonlyArray<Prompt.UserMessagePart> =>
  content.some(isAudio) ? content.filter((part) => !isTranscript(part)) : content

const written = (message: Prompt.Message): Prompt.Message =>
  message.role === "user" && message.content.some(isTranscript)
    ? Prompt.userMessage({ content: message.content.filter((part) => !isAudio(part)), options: message.options })
    : message

/** The same for a model that does not hear: the words without their audio. What a program asks about audio stays. */
export const withoutAudio = (prompt: Prompt.Prompt): Prompt.Prompt =>
  prompt.content.some((message) => message.role === "user" && message.content.some(isTranscript))
    ? Prompt.fromMessages(prompt.content.map(written))
    : prompt
