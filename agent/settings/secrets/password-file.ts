import { type Effective, withSetting } from '../effective.ts'
import { readSettingsFile } from './files.ts'

/** Takes the password out of its file, if it is kept in one. */
export function withPasswordFile(effective: Effective, problems: string[]): Effective {
  const { settings, sources } = effective
  const { metricsAuthPassword, metricsAuthPasswordFile: path } = settings
  if (path === undefined) return effective
  const where = sources.metricsAuthPasswordFile
  if (metricsAuthPassword !== undefined) {
    return fail(`${where}: ${sources.metricsAuthPassword} gives the password already, keep one of them`)
  }
  const file = readPassword(path)
  if ('problem' in file) return fail(`${where}: ${file.problem}`)
  return withSetting(effective, 'metricsAuthPassword', file.password, `${path} (${where})`)

  function fail(problem: string): Effective {
    problems.push(problem)
    return { ...effective, failed: new Set([...effective.failed, 'metricsAuthPassword']) }
  }
}

/** The password that a file holds, or in words why there is none. */
export function readPassword(path: string): { readonly password: string } | { readonly problem: string } {
  const file = readSettingsFile(path)
  if ('problem' in file) return { problem: `the password file ${file.problem}` }
  const password = file.content.replace(/\r?\n$/, '')
  return password === '' ? { problem: `the password file ${JSON.stringify(path)} is empty` } : { password }
}
