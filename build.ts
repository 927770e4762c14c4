/**
 * Bundles `src` into `dist`, beside the declarations that the compiler puts there. Each
 * noun, each layer, the command and the programs of threads and processes keep their file;
 * what they share goes into `dist/internal`, in as few files as will let each load no more
 * than it needs: hundreds of small modules take half as long again to import (`bench/import.ts`).
 */
import { build } from "esbuild"
import { globSync } from "node:fs"

await build({
  entryPoints: [
    ...globSync(["src/*.ts", "src/Layers/*.ts"]),
    "src/cli/main.ts",
    // Threads and processes of their own: `internal/packageFiles.ts` finds them.
    ...globSync(["src/internal/**/*-worker.ts", "src/internal/**/*Program.ts"])
  ],
  outdir: "dist",
  outbase: "src",
  bundle: true,
  splitting: true,
  // As deep as `src/internal`: what looks for a file of the package finds it from both.
  chunkNames: "internal/[name]-[hash]",
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node22.19",
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning"
})
