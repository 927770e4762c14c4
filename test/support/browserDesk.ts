/** The agent of the tests in a browser: its answer is long enough to be cut. */
import { deskThatSays } from "./weatherDesk.ts"

export default deskThatSays(
  "It is sunny in Paris, with a light wind from the west that goes round to the south in the afternoon, and warm for the season."
)
