import { hold } from "./random.ts"

hold(2)
