import { captures, contract } from "./contract/capture.ts"

for (const capture of captures("test/fixtures/wire")) contract(capture)
