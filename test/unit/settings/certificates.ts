import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes certificates in a folder: authorities, and others that they sign or that sign themselves. */
export class CertificateMaker {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** A certificate for alternative names such as `DNS:a` or `IP:127.0.0.1`. */
  make(
    name: string,
    { names = [], authority }: { readonly names?: readonly string[]; readonly authority?: Certificate } = {},
  ): Certificate {
    const [cert, key, request] = ['crt', 'key', 'csr'].map((ending) => join(this.folder, `${name}.${ending}`)) as [string, string, string]
    const san = names.length > 0 ? ['-addext', `subjectAltName=${names.join(',')}`] : []
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-subj', `/CN=${name}`]
    if (authority === undefined) openssl('req', '-x509', ...newKey, '-days', '30', '-out', cert, ...san)
    else {
      const extensions = join(this.folder, `${name}.ext`)
      writeFileSync(extensions, names.length > 0 ? `subjectAltName=${names.join(',')}\n` : '')
      openssl('req', ...newKey, '-out', request)
      const signer = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial']
      openssl('x509', '-req', '-in', request, ...signer, '-days', '30', '-out', cert, '-extfile', extensions)
    }
    return { cert, key }
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}
