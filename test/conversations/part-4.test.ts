import { hold } from "./random.ts"

hold(4)
