import { execFile } from 'node:child_process'
import type { Finding } from '../../agent/commands/doctor/finding.ts'
import { bundle } from '../harness/agent.ts'

/** The command to run the agent. */
export const agent = [process.execPath, bundle] as const
/** Settings under which nothing but nodes is looked at. */
export const quiet = ['--journal', 'none', '--port', '0', '--health-port', '0'] as const
export const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] as const
export const withCapabilities = [...asNobody, '--inh-caps', '+bpf,+perfmon', '--ambient-caps', '+bpf,+perfmon'] as const

/** Runs doctor without blocking this process, which may listen to ports. */
export async function doctor(args: readonly string[], command: readonly string[] = agent, env: Readonly<Record<string, string>> = {}) {
  const [program = '', ...words] = [...command, 'doctor', '--json', ...args]
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(program, words, { env: { ...process.env, ...env } }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
  if (!stdout.startsWith('{')) throw new Error(stderr)
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] }
  const told = (level: Finding['level']) => findings.filter((finding) => finding.level === level).map(({ what }) => what)
  return { code, findings, told, stdout }
}
