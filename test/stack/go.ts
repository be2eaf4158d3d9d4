import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { homedir } from 'node:os'

/** The Go version that the modules' go.mod files require. */
const LEAST = '1.26.5'

/** No download of another Go behind our back: it is the installed one or none. No C compiler either. */
export const goEnvironment = { ...process.env, GOTOOLCHAIN: 'local', CGO_ENABLED: '0' }

/** An installed Go that is new enough: from PATH, or from where its own installers put it. Throws, saying how to get one. */
export function findGo(): { readonly path: string; readonly version: string } {
  const paths = ['go', '/usr/local/go/bin/go', ...globSync(['go/bin/{go,go1*}', 'sdk/*/bin/go'], { cwd: homedir() }).map(inHome)]
  const installed = paths.flatMap((path) => {
    const version = versionOf(path)
    return version === undefined ? [] : [{ path, version }]
  })
  const go = installed.find(({ version }) => version.localeCompare(LEAST, 'en', { numeric: true }) >= 0)
  if (go) return go
  const found = installed.map(({ path, version }) => `${path} is ${version}`).join(', ') || 'there is none'
  throw new Error(
    `it takes Go ${LEAST} or newer on PATH, in /usr/local/go, ~/go/bin or ~/sdk; ${found}.\n` +
      `Distributions have older ones: take an archive from https://go.dev/dl/ and unpack it with  tar -C /usr/local -xzf go*.tar.gz`,
  )
}

const inHome = (path: string) => `${homedir()}/${path}`

function versionOf(path: string): string | undefined {
  const { stdout } = spawnSync(path, ['env', 'GOVERSION'], { env: goEnvironment, encoding: 'utf8' })
  return /^go(\d\S*)/.exec(stdout ?? '')?.[1]
}
