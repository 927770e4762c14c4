/** The agent of the tests on a real server. */
import { deskThatSays } from "../../support/weatherDesk.ts"

export default deskThatSays("It is sunny in Paris, and warm for the season.")
