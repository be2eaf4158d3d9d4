import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { findGo, goEnvironment } from './go.ts'

/** The parts of a service that the tests look at, after variables, anchors and defaults. */
export interface Service {
  readonly image: string
  readonly build?: object
  readonly command?: readonly string[]
  readonly restart?: string
  readonly user?: string
  readonly pid?: string
  readonly network_mode?: string
  readonly privileged?: boolean
  readonly read_only?: boolean
  readonly cap_add?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly mem_limit?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>
  readonly ports?: readonly { readonly host_ip?: string; readonly published: string; readonly target: number }[]
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly secrets?: readonly { readonly source: string; readonly target: string; readonly mode?: string }[]
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string; readonly read_only?: boolean }[]
}

export interface Project {
  readonly configs: Readonly<Record<string, { readonly content: string }>>
  readonly services: Readonly<Record<string, Service>>
}

/** Builds the program that reads Compose files as `docker compose` does. Throws where there is no Go. */
export function buildComposecheck(folder: string): string {
  const program = join(folder, 'composecheck')
  const cwd = join(import.meta.dirname, 'composecheck')
  const { status, stderr } = spawnSync(findGo().path, ['build', '-o', program, '.'], { cwd, env: goEnvironment, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return program
}

/** The project that a Compose file comes to under these variables and no others. Throws what `docker compose` would print. */
export function loadProject(composecheck: string, file: string, variables: Readonly<Record<string, string>>): Project {
  const { status, stdout, stderr } = spawnSync(composecheck, [file], { env: variables, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr.trim())
  return JSON.parse(stdout)
}
