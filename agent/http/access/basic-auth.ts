import type { HttpAnswer } from '../answer.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Tells who may pass. */
export interface Authenticator {
  /** Checks an Authorization header (RFC 7617). "busy" where it could not be checked because too many others are. */
  check(authorization: string | undefined, address: string): boolean | Promise<boolean | 'busy'>
}

export const unauthorized: HttpAnswer = {
  status: 401,
  body: 'Unauthorized',
  headers: { 'WWW-Authenticate': 'Basic realm="FIBRE Metrics", charset="UTF-8"' },
}

/** Makes a check for one user. It takes the same time whatever the credentials and however much of them is right. */
export function basicAuth({ username, password }: Credentials): Authenticator {
  const expected = { username: digest(username), password: digest(password) }
  return {
    check(authorization) {
      const given = parseBasic(authorization)
      if (!given) return false
      const { timingSafeEqual } = process.getBuiltinModule('node:crypto')
      const isUser = timingSafeEqual(digest(given.username), expected.username)
      const isPassword = timingSafeEqual(digest(given.password), expected.password)
      return isUser && isPassword
    },
  }
}

/** Takes the user name and the password out of an Authorization header. */
export function parseBasic(authorization = ''): Credentials | undefined {
  const [, token] = /^basic +([\w.~+/-]+=*) *$/i.exec(authorization) ?? []
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64').toString()
  // Only the password may contain a colon.
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Digests have one length, whatever was sent. A composed and a decomposed "é" are the same letter. */
function digest(text: string): Buffer {
  return process.getBuiltinModule('node:crypto').hash('sha256', text.normalize(), 'buffer')
}
