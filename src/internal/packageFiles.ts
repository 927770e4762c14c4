/**
 * Where the files of this package stand, whether it runs from `src` or from `dist`:
 * the build puts this module into a file of `dist/internal`, which is as deep.
 */

const root = new URL("../../", import.meta.url)

/** A file by its path in the package, as `models/silero_vad.onnx`. */
export const packageFile = (path: string): URL => new URL(path, root)

/** The program of a thread or process, by its path in `src` without the ending; the build knows it by its name (`build.ts`). */
export const programFile = (path: string): URL =>
  packageFile(import.meta.url.endsWith(".ts") ? `src/${path}.ts` : `dist/${path}.js`)
