import { readFileSync } from 'node:fs'

/** The number of a user, given by number or by name; `undefined` if this machine's /etc/passwd does not have the name. */
export function uidOf(user: string): number | undefined {
  if (/^\d{1,10}$/.test(user)) return Number(user)
  const line = passwd().find((line) => line.startsWith(`${user}:`))
  return line === undefined ? undefined : Number(line.split(':')[2])
}

/** A user as operators know it: the name where there is one. */
export function nameOfUser(uid: number): string {
  return (
    passwd()
      .map((line) => line.split(':'))
      .find((fields) => fields[2] === String(uid))?.[0] ?? `user ${uid}`
  )
}

function passwd(): readonly string[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n')
  } catch {
    return []
  }
}
