/**
 * Makes package-lock.json complete for every platform, after `npm install`:
 * where a registry lacks builds for other machines, npm leaves them out, and
 * `npm ci` then refuses the file everywhere. They are entered by the name and
 * version that their package asks for, without a checksum; nothing is fetched.
 */
import { readFileSync, writeFileSync } from "node:fs"

const file = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(file, "utf8"))
const { packages } = lock

const platform = (name) => {
  const os = /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)\b/.exec(name)?.[1]
  const cpu = /\b(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)\b/.exec(name)?.[1]
  const libc = /\b(glibc|musl)\b/.exec(name)?.[1]
  if (os === undefined || cpu === undefined) throw new Error(`${name}: for which platform?`)
  return { cpu: [cpu], os: [os], ...(libc === undefined ? {} : { libc: [libc] }) }
}

for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const own = packages[`${path}/node_modules/${name}`]
    if (path === "" || own !== undefined || packages[`node_modules/${name}`] !== undefined) continue
    const dev = packages[path].dev === true ? { dev: true } : {}
    packages[`node_modules/${name}`] = { version, ...dev, optional: true, ...platform(name) }
    process.stdout.write(`${name}@${version}\n`)
  }
}

lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0))
writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`)
