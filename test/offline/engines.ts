/** Where the engines are: README.md says how to have them. */
import { it } from "@effect/vitest"
import { Config, Effect, Option } from "effect"

const address = (name: string) => Option.getOrUndefined(Effect.runSync(Config.option(Config.String(name))))

/** Addresses as OpenAI's begin, such as `http://127.0.0.1:19081/v1`. */
export const engines = {
  LLAMA_URL: address("LLAMA_URL"),
  WHISPER_URL: address("WHISPER_URL"),
  PIPER_URL: address("PIPER_URL"),
  LITELLM_URL: address("LITELLM_URL")
}

/** A test that needs engines: it skips where one is not told, and says which. */
export const asks = <E>(
  title: string,
  needs: ReadonlyArray<keyof typeof engines>,
  test: (urls: Readonly<Record<keyof typeof engines, string>>) => Effect.Effect<void, E>
): void => {
  const missing = needs.filter((name) => engines[name] === undefined)
  const urls = Object.fromEntries(Object.entries(engines).map(([name, url]) => [name, url ?? ""])) as Record<
    keyof typeof engines,
    string
  >
  it.live.skipIf(missing.length > 0)(
    missing.length === 0 ? title : `${title} (set ${missing.join(", ")})`,
    () => test(urls),
    300_000
  )
}
