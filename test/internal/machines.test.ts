import { assert, describe, it } from "@effect/vitest"
import { machineOf, mayBeMachine } from "../../src/internal/text/machines.ts"

describe("who answers a telephone", () => {
  it.each([
    ["Hi, you've reached Ann. Please leave a message after the tone.", "voicemail"],
    ["Your call has been forwarded to an automatic voice message system.", "voicemail"],
    ["Sorry I missed you, leave your name and number and I'll get back to you.", "voicemail"],
    ["Guten Tag, bitte hinterlassen Sie eine Nachricht nach dem Signalton.", "voicemail"],
    ["Bonjour, laissez-moi un message après le bip sonore.", "voicemail"],
    ["En este momento no puedo atenderte, deja un recado o deje su mensaje después de la señal.", "voicemail"],
    ["A sua chamada está sendo encaminhada para a caixa postal.", "voicemail"],
    ["Lasciate un messaggio dopo il segnale acustico.", "voicemail"],
    ["Spreek een bericht in na de piep.", "voicemail"],
    ["Thank you for calling Acme. For sales, press 1. For support, press two.", "menu"],
    ["Für Deutsch drücken Sie bitte die Eins.", "menu"],
    ["Pour le service client, tapez 2.", "menu"],
    ["Para ventas, marque el uno.", "menu"],
    ["Para falar com um atendente, digite 9.", "menu"],
    ["Per informazioni, premere il tasto due.", "menu"],
    ["The number you have dialled is not in service.", "unreachable"],
    ["Kein Anschluss unter dieser Nummer.", "unreachable"],
    ["The mailbox is full and cannot accept any messages at this time.", "unreachable"],
    ["Hello?", undefined],
    ["Yes, this is Ann speaking, who is this?", undefined],
    ["Müller, guten Tag.", undefined],
    ["I am just about to leave, can you call me at one?", undefined],
    ["One moment, I have to press my shirt.", undefined],
    ["Sea View Hotel, good morning, how can I help you?", undefined],
    ["Let me turn down the tone of the radio.", undefined],
    ["", undefined]
  ])("%s", (text, by) => assert.strictEqual(machineOf(text), by))

  it("does not decide about what both begin with", () => {
    for (
      const text of ["You have reached Ann Miller", "You've reached the Sea View Hotel.", "Vous êtes bien chez Anne"]
    ) {
      assert.strictEqual(machineOf(text), undefined)
      assert.isTrue(mayBeMachine(text), text)
    }
    assert.isFalse(mayBeMachine("Hello, who is calling?"))
  })
})
