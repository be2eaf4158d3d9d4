import { type Effective, withSetting } from '../effective.ts'
import { webhookHeaders } from '../values.ts'
import { readSettingsFile } from './files.ts'

/** Takes the webhook's headers out of their file, if they are kept in one. */
export function withHeadersFile(effective: Effective, problems: string[]): Effective {
  const { settings, sources } = effective
  const { alertWebhookHeaders, alertWebhookHeadersFile: path } = settings
  if (path === undefined) return effective
  const where = sources.alertWebhookHeadersFile
  if (alertWebhookHeaders !== undefined) return fail(`${sources.alertWebhookHeaders} gives the headers already, keep one of them`)
  const file = readSettingsFile(path)
  if ('problem' in file) return fail(`the file of headers ${file.problem}`)
  const { data, error } = webhookHeaders.safeParse(file.content)
  if (error) return fail(`the file of headers ${JSON.stringify(path)} ${error.issues[0]?.message}`)
  return withSetting(effective, 'alertWebhookHeaders', data, `${path} (${where})`)

  function fail(problem: string): Effective {
    problems.push(`${where}: ${problem}`)
    return { ...effective, failed: new Set([...effective.failed, 'alertWebhookHeaders']) }
  }
}
