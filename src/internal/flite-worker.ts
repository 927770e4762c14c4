/**
 * The thread that synthesises, so that no sentence holds up the audio of other
 * conversations. Runs the WASI program in memory: one file, no file system.
 */
import { readFileSync } from "node:fs"
import { parentPort, workerData } from "node:worker_threads"

export interface Request {
  readonly id: number
  readonly voice: string
  readonly text: string
  /** Length of the speech against normal. */
  readonly stretch: number
}

export type Answer =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Unusable" }
  | {
    readonly _tag: "Speech"
    readonly id: number
    readonly samples: Int16Array<ArrayBuffer>
    readonly sampleRate: number
  }
  | { readonly _tag: "Failed"; readonly id: number; readonly detail: string }

type Import = (...args: Array<never>) => number

// Of WebAssembly's own types, the few used here: they come with the browser's.
declare const WebAssembly: {
  readonly Module: new(bytes: Uint8Array) => object
  readonly Instance: new(
    program: object,
    imports: Readonly<Record<string, Readonly<Record<string, Import>>>>
  ) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly _start: () => void } }
}

class Exit {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

const errno = { success: 0, badDescriptor: 8, notSeekable: 70 }
const rootFd = 3
const fileFd = 4

/** Runs the program with one writable file and gives what it wrote there. */
const run = (program: object, args: ReadonlyArray<string>): Uint8Array => {
  const argv = args.map((arg) => new TextEncoder().encode(`${arg}\0`))
  let file = new Uint8Array(1 << 18)
  let length = 0
  let position = 0
  const view = () => new DataView(memory.buffer)

  const write = (bytes: Uint8Array): void => {
    if (position + bytes.length > file.length) {
      const grown = new Uint8Array(Math.max(file.length * 2, position + bytes.length))
      grown.set(file)
      file = grown
    }
    file.set(bytes, position)
    position += bytes.length
    length = Math.max(length, position)
  }

  const instance = new WebAssembly.Instance(program, {
    wasi_snapshot_preview1: {
      args_sizes_get: (count: number, size: number) => {
        view().setUint32(count, argv.length, true)
        view().setUint32(size, argv.reduce((sum, arg) => sum + arg.length, 0), true)
        return errno.success
      },
      args_get: (pointers: number, bytes: number) => {
        argv.forEach((arg, i) => {
          view().setUint32(pointers + 4 * i, bytes, true)
          new Uint8Array(memory.buffer).set(arg, bytes)
          bytes += arg.length
        })
        return errno.success
      },
      clock_time_get: (_clock: number, _precision: bigint, time: number) => {
        view().setBigUint64(time, 0n, true)
        return errno.success
      },
      fd_close: () => errno.success,
      fd_fdstat_get: (fd: number, stat: number) => {
        const fileType = fd === rootFd ? 3 : fd === fileFd ? 4 : 2
        view().setBigUint64(stat, BigInt(fileType), true)
        view().setBigUint64(stat + 8, 0xffff_ffffn, true)
        view().setBigUint64(stat + 16, 0xffff_ffffn, true)
        return errno.success
      },
      fd_fdstat_set_flags: () => errno.success,
      fd_prestat_get: (fd: number, stat: number) => {
        if (fd !== rootFd) {
          return errno.badDescriptor
        }
        view().setUint32(stat, 0, true)
        view().setUint32(stat + 4, 1, true)
        return errno.success
      },
      fd_prestat_dir_name: (_fd: number, path: number) => {
        view().setUint8(path, "/".charCodeAt(0))
        return errno.success
      },
      fd_read: (_fd: number, _vectors: number, _count: number, read: number) => {
        view().setUint32(read, 0, true)
        return errno.success
      },
      fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
        if (fd !== fileFd) {
          return errno.notSeekable
        }
        position = Number(offset) + (whence === 1 ? position : whence === 2 ? length : 0)
        view().setBigUint64(result, BigInt(position), true)
        return errno.success
      },
      fd_write: (fd: number, vectors: number, count: number, written: number) => {
        let total = 0
        for (let i = 0; i < count; i++) {
          const from = view().getUint32(vectors + 8 * i, true)
          const size = view().getUint32(vectors + 8 * i + 4, true)
          if (fd === fileFd) {
            write(new Uint8Array(memory.buffer, from, size))
          }
          total += size
        }
        view().setUint32(written, total, true)
        return errno.success
      },
      path_open: (
        _fd: number,
        _dirFlags: number,
        _path: number,
        _pathLength: number,
        _openFlags: number,
        _rights: bigint,
        _inheriting: bigint,
        _flags: number,
        opened: number
      ) => {
        position = 0
        length = 0
        view().setUint32(opened, fileFd, true)
        return errno.success
      },
      proc_exit: (code: number) => {
        throw new Exit(code)
      }
    }
  })
  // Its buffer is replaced when the memory grows: look it up at every call.
  const { memory } = instance.exports
  try {
    instance.exports._start()
  } catch (thrown) {
    if (!(thrown instanceof Exit && thrown.code === 0)) {
      throw thrown
    }
  }
  return file.subarray(0, length)
}

/** Reads the only kind of WAV file that flite writes. */
const decode = (wav: Uint8Array): { readonly samples: Int16Array<ArrayBuffer>; readonly sampleRate: number } => {
  const headerSize = 44
  const header = new DataView(wav.buffer, wav.byteOffset, wav.byteLength)
  if (wav.length < headerSize || header.getUint16(20, true) !== 1 || header.getUint16(22, true) !== 1) {
    throw new Error("the program wrote no mono WAV file")
  }
  const samples = new Int16Array(Math.floor((wav.length - headerSize) / 2))
  for (let i = 0; i < samples.length; i++) {
    samples[i] = header.getInt16(headerSize + 2 * i, true)
  }
  return { samples, sampleRate: header.getUint32(24, true) }
}

const serve = (port: NonNullable<typeof parentPort>, program: object): void => {
  const answer = (value: Answer, transfer: ReadonlyArray<ArrayBuffer> = []) => port.postMessage(value, transfer)
  port.on("message", ({ id, stretch, text, voice }: Request) => {
    const settings = stretch === 1 ? [] : ["--setf", `duration_stretch=${stretch}`]
    try {
      const speech = decode(run(program, ["flite", "-voice", voice, ...settings, "-t", text, "-o", "/speech.wav"]))
      answer({ _tag: "Speech", id, ...speech }, [speech.samples.buffer])
    } catch (cause) {
      // What went wrong may quote the text.
      answer({ _tag: "Failed", id, detail: cause instanceof Error ? cause.name : typeof cause })
    }
  })
  answer({ _tag: "Ready" })
}

if (parentPort !== null) {
  let program: object | undefined = undefined
  try {
    program = new WebAssembly.Module(readFileSync(String(workerData)))
  } catch {
    parentPort.postMessage({ _tag: "Unusable" } satisfies Answer, [])
  }
  if (program !== undefined) {
    serve(parentPort, program)
  }
}
