import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { compareSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readWebConfig, type WebConfig } from '../../../../agent/settings/web-config/web-config.ts'
import { CertificateMaker } from '../certificates.ts'
import { file, refusal, run } from '../settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'fibre-terms-'))
afterAll(() => rmSync(folder, { recursive: true }))
beforeAll(() => {
  const certificates = new CertificateMaker(folder)
  certificates.make('server', { names: ['DNS:localhost', 'IP:127.0.0.1'] })
  certificates.make('other')
  certificates.make('authority')
  writeFileSync(join(folder, 'empty.pem'), '')
})

const PAIR = 'cert_file: server.crt\n  key_file: server.key'
const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG'

function written(text: string): string {
  const path = join(folder, `${Math.random()}.yml`)
  writeFileSync(path, text)
  return path
}

function accepted(text: string): WebConfig {
  const read = readWebConfig(written(text))
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  return read.config
}

/** What is wrong with a file, without its path. */
function problems(text: string): readonly string[] {
  const path = written(text)
  const read = readWebConfig(path)
  return 'problems' in read ? read.problems.map((problem) => problem.replaceAll(path, 'FILE').replaceAll(dirname(path), 'FOLDER')) : []
}

describe('accepts what exporter-toolkit accepts:', () => {
  it.each([
    ['an empty file', '', {}],
    ['nothing but a comment', '# nothing\n', {}],
    ['empty sections', 'tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n', {}],
    ['certificate and key', `tls_server_config:\n  ${PAIR}\n`, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', clients: 'nothing' }],
    [
      'quotes',
      'tls_server_config:\n  cert_file: "server.crt"\n  key_file: "server.key"\n  client_auth_type: "VerifyClientCertIfGiven"\n',
      {},
    ],
    ['JSON', '{"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"}}', {}],
    ...(
      [
        ['NoClientCert', 'nothing'],
        ['RequestClientCert', 'certificate if they like'],
        ['RequireAnyClientCert', 'certificate'],
        ['RequireClientCert', 'certificate'],
        ['VerifyClientCertIfGiven', 'valid certificate if they like'],
        ['RequireAndVerifyClientCert', 'valid certificate'],
      ] as const
    ).map(([type, clients]) => [type, `tls_server_config:\n  ${PAIR}\n  client_auth_type: ${type}\n`, { clients }] as const),
    [
      'an authority and names of clients',
      `tls_server_config:\n  ${PAIR}\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n  client_allowed_sans:\n    - a.example\n    - 10.0.0.1\n`,
      { allowedSans: ['a.example', '10.0.0.1'] },
    ],
    [
      'cipher suites',
      `tls_server_config:\n  ${PAIR}\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n  - TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA\n  - TLS_AES_128_GCM_SHA256\n  prefer_server_cipher_suites: false\n  max_version: TLS12\n`,
      {
        ciphers:
          'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA',
        honorCipherOrder: false,
        maxVersion: 'TLSv1.2',
      },
    ],
    [
      'curves',
      `tls_server_config:\n  ${PAIR}\n  min_version: TLS13\n  curve_preferences: [CurveP521, X25519, CurveP384, CurveP256]\n`,
      { ecdhCurve: 'P-521:X25519:P-384:P-256', minVersion: 'TLSv1.3' },
    ],
    ['older versions of TLS', `tls_server_config:\n  ${PAIR}\n  min_version: TLS10\n  max_version: TLS11\n`, { minVersion: 'TLSv1' }],
  ] satisfies readonly (readonly [string, string, object])[])('%s', (_, text, tls) => {
    const { tls: read } = accepted(text)
    expect(read ?? {}).toMatchObject(tls)
    expect(read === undefined).toBe(!text.includes('server.crt'))
  })

  it('certificate, key and authority in the file itself', () => {
    const indented = (name: string) => readFileSync(join(folder, name), 'utf8').replace(/^/gm, '    ')
    const inline = `tls_server_config:\n  cert: |\n${indented('server.crt')}\n  key: |\n${indented('server.key')}\n`
    const { tls, files } = accepted(`${inline}  client_auth_type: VerifyClientCertIfGiven\n  client_ca: |\n${indented('authority.crt')}\n`)
    expect(tls?.cert.trim()).toBe(readFileSync(join(folder, 'server.crt'), 'utf8').trim())
    expect(tls?.ca).toContain('BEGIN CERTIFICATE')
    expect(files).toHaveLength(1)
  })

  it('users, in each spelling of bcrypt', () => {
    const users = ['a', 'b', 'x', 'y', ''].map((minor) => `user${minor}: ${HASH.replace('2y', `2${minor}`)}`)
    expect([...accepted(`basic_auth_users:\n  ${users.join('\n  ')}\n  "ann:": '${HASH}'\n`).users.keys()]).toEqual([
      ...['usera', 'userb', 'userx', 'usery', 'user', 'ann:'],
    ])
  })

  it('headers, and sends none that is blank', () => {
    const { headers } = accepted(
      'http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: 1\n    X-Content-Type-Options: nosniff\n    Content-Security-Policy: ""\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n',
    )
    expect(headers).toEqual({
      'X-Frame-Options': 'deny',
      'X-XSS-Protection': '1',
      'X-Content-Type-Options': 'nosniff',
      'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
    })
  })

  it.each([
    ['interval: 0\n  burst: 0', undefined],
    ['interval: "1s"\n  burst: 0', { intervalMs: 1000, burst: 0 }],
    ['interval: 1m1.5s\n  burst: 20', { intervalMs: 61_500, burst: 20 }],
    ['interval: 5000000', { intervalMs: 5, burst: 0 }],
  ])('a limit of requests: %j', (text, limit) => {
    expect(accepted(`rate_limit:\n  ${text}\n`).rateLimit).toEqual(limit)
  })

  it('HTTP/2, which is not spoken here: it says so where the file asks for it', () => {
    expect(accepted('http_server_config:\n  http2: true\n').warnings).toEqual([
      expect.stringMatching(/:2:3 \(http_server_config\.http2\): HTTP\/2 is not spoken here: clients go on with HTTP\/1\.1$/),
    ])
    expect(accepted('http_server_config:\n  http2: false\n').warnings).toEqual([])
  })
})

describe('refuses what exporter-toolkit refuses, and says where and why:', () => {
  const TLS = 'FILE:2:3 (tls_server_config'
  it.each([
    ['no map', 'hoho\n', ['FILE:1:1: must be a map']],
    ['broken YAML', 'tls_server_config:\n  a: [\n', [expect.stringMatching(/^FILE:\d+:\d+: not valid YAML: /)]],
    [
      'an unknown key',
      'tls_server_config:\n  cert_filse: server.crt\n',
      [`${TLS}.cert_filse): there is no such key; did you mean cert_file?`],
    ],
    [
      'an unknown section',
      'tls_sever_config: {}\n',
      ['FILE:1:1 (tls_sever_config): there is no such key; did you mean tls_server_config?'],
    ],
    ['a key twice', 'rate_limit: {}\nrate_limit: {}\n', ['FILE:2:1: not valid YAML: Map keys must be unique']],
    ['no certificate', 'tls_server_config:\n  cert_file: ""\n  key_file: server.key\n', [`${TLS}.cert_file): needs cert_file, or cert`]],
    ['an empty certificate', 'tls_server_config:\n  cert: ""\n  key_file: server.key\n', [`${TLS}.cert): needs cert_file, or cert`]],
    ['no key', 'tls_server_config:\n  cert_file: server.crt\n', ['FILE:1:1 (tls_server_config): needs key_file, or key']],
    [
      'neither',
      'tls_server_config:\n  client_auth_type: NoClientCert\n',
      ['FILE:1:1 (tls_server_config): needs cert_file, or cert', 'FILE:1:1 (tls_server_config): needs key_file, or key'],
    ],
    [
      'files that are not there',
      'tls_server_config:\n  cert_file: somefile\n  key_file: /no/key\n',
      [`${TLS}.cert_file): "FOLDER/somefile" does not exist`, 'FILE:3:3 (tls_server_config.key_file): "/no/key" does not exist'],
    ],
    [
      'the key of another certificate',
      'tls_server_config:\n  cert_file: server.crt\n  key_file: other.key\n',
      ['FILE:3:3 (tls_server_config.key_file): "FOLDER/other.key" is not the key of the certificate "FOLDER/server.crt"'],
    ],
    [
      'an authority that nobody is asked for',
      `tls_server_config:\n  ${PAIR}\n  client_ca_file: authority.crt\n`,
      ['FILE:4:3 (tls_server_config.client_ca_file): has no use without client_auth_type, such as RequireAndVerifyClientCert'],
    ],
    [
      'an authority that is none',
      `tls_server_config:\n  ${PAIR}\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: empty.pem\n`,
      ['FILE:5:3 (tls_server_config.client_ca_file): "FOLDER/empty.pem" holds no certificate in PEM'],
    ],
    [
      'names of clients that need no certificate',
      `tls_server_config:\n  ${PAIR}\n  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a]\n`,
      [expect.stringMatching(/^FILE:5:3 \(tls_server_config\.client_allowed_sans\): needs client_auth_type RequireAndVerifyClientCert or/)],
    ],
    [
      'an invented policy',
      `tls_server_config:\n  ${PAIR}\n  client_auth_type: Always\n`,
      [expect.stringMatching(/^FILE:4:3 \(tls_server_config\.client_auth_type\): must be NoClientCert, .*, not "Always"$/)],
    ],
    [
      'an invented cipher suite',
      `tls_server_config:\n  ${PAIR}\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n  - TLS_INVENTED\n`,
      [expect.stringMatching(/^FILE:6:5 \(tls_server_config\.cipher_suites\): must be cipher suites .*, not "TLS_INVENTED"$/)],
    ],
    [
      'a cipher suite without forward secrecy',
      `tls_server_config:\n  ${PAIR}\n  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n`,
      [expect.stringContaining('forward secrecy')],
    ],
    [
      'an invented curve',
      `tls_server_config:\n  ${PAIR}\n  curve_preferences: [CurveP257]\n`,
      ['FILE:4:23 (tls_server_config.curve_preferences): must be of CurveP256, CurveP384, CurveP521, X25519, not "CurveP257"'],
    ],
    [
      'an invented version',
      `tls_server_config:\n  ${PAIR}\n  min_version: TLS111\n`,
      ['FILE:4:3 (tls_server_config.min_version): must be TLS10, TLS11, TLS12, TLS13, not "TLS111"'],
    ],
    [
      'a highest version below the lowest',
      `tls_server_config:\n  ${PAIR}\n  min_version: TLS13\n  max_version: TLS12\n`,
      ['FILE:5:3 (tls_server_config.max_version): allows no version of TLS: the lowest is TLS13, the highest TLS12'],
    ],
    [
      'a list in the place of a text',
      'tls_server_config:\n  cert_file: [server.crt]\n  key_file: server.key\n',
      expect.arrayContaining([`${TLS}.cert_file): must be a single value`]),
    ],
    ['a text in the place of a list', `tls_server_config:\n  ${PAIR}\n  cipher_suites: X\n`, [expect.stringContaining('must be a list')]],
    [
      'a header that is not for setting',
      'http_server_config:\n  headers:\n    Server: mine\n',
      [
        expect.stringMatching(
          /^FILE:3:5 \(http_server_config\.headers\.Server\): this header cannot be set; those that can are Content-Sec/,
        ),
      ],
    ],
    [
      'a value that X-Content-Type-Options does not have',
      'http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n',
      ['FILE:3:5 (http_server_config.headers.X-Content-Type-Options): must be nosniff, not "sniff"'],
    ],
    [
      'a value that X-Frame-Options does not have',
      'http_server_config:\n  headers:\n    X-Frame-Options: maybe\n',
      ['FILE:3:5 (http_server_config.headers.X-Frame-Options): must be deny or sameorigin, not "maybe"'],
    ],
    [
      'a header of two lines',
      'http_server_config:\n  headers:\n    X-XSS-Protection: "1\\r\\nA: b"\n',
      [expect.stringContaining('one line')],
    ],
    ['HTTP/2 of no kind', 'http_server_config:\n  http2: maybe\n', ['FILE:2:3 (http_server_config.http2): must be true or false']],
    [
      'a password that is not hashed',
      'basic_auth_users:\n  john: doe\n',
      [expect.stringMatching(/^FILE:2:3 \(basic_auth_users\.john\): must be a password hashed with bcrypt/)],
    ],
    ['no password', 'basic_auth_users:\n  john:\n', [expect.stringContaining('hashed with bcrypt')]],
    ['a limit without a time', 'rate_limit:\n  interval: soon\n', [expect.stringContaining('must be a time such as')]],
  ] satisfies [string, string, unknown][])('%s', (_, text, expected) => {
    expect(problems(text)).toEqual(expected)
  })

  it('a file that is not there', () => {
    expect(readWebConfig('/no/file')).toEqual({ problems: ['the web configuration file "/no/file" does not exist'] })
  })

  it('and repeats no secret', () => {
    const key = readFileSync(join(folder, 'other.key'), 'utf8').replace(/^/gm, '    ')
    const texts = [
      'basic_auth_users:\n  john: verysecret\n',
      `basic_auth_users:\n  john: ${HASH}verysecret\n`,
      'basic_auth_users:\n  john: "verysecret\n',
      'tls_server_config:\n  cert_file: server.crt\n  key: verysecret\n',
      `tls_server_config:\n  cert_file: server.crt\n  key: |\n${key}`,
    ]
    for (const text of texts) {
      const said = problems(text).join('\n')
      expect(said).not.toBe('')
      expect(said).not.toMatch(/verysecret|PRIVATE/)
    }
  })
})

it('accepts the example of the documents beside its files', () => {
  const certificates = new CertificateMaker(folder)
  for (const name of ['node', 'scrapers']) certificates.make(name)
  const example = readFileSync('agent/settings/web-config/example.yml', 'utf8')
  expect(accepted(example)).toMatchObject({ tls: { clients: 'valid certificate', allowedSans: ['prometheus.example.org'] }, warnings: [] })
  expect(compareSync('change-me', accepted(example).users.get('prometheus') ?? '')).toBe(true)
})

describe('as a setting', () => {
  it('is found under the name that exporters have', () => {
    const path = file('')
    expect(run(['--web.config.file', path]).settings.webConfigFile).toBe(path)
    expect(run([`--web.config.file=${path}`]).settings.webConfigFile).toBe(path)
    expect(run([], { FIBRE_WEB_CONFIG_FILE: path }).settings.webConfigFile).toBe(path)
    expect(run(['-c', file(`web_config_file: ${path}\n`, 'other.yaml')]).settings.webConfigFile).toBe(path)
  })

  it('keeps the agent from starting where the file cannot be used', () => {
    const path = file('nonsense: 1\n')
    expect(refusal(['--web.config.file', path]).problems).toEqual([`--web.config.file: ${path}:1:1 (nonsense): there is no such key`])
  })

  it("takes the place of the agent's own settings: both are refused", () => {
    const path = file('')
    const env = { FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD_FILE: file('secret', 'password') }
    const way = '--web.config.file has users, passwords and certificates in its file; keep one of them'
    expect(refusal(['--web.config.file', path], env).problems).toEqual(Object.keys(env).map((name) => `${name}: ${way}`))
  })

  it('warns of what has no effect', () => {
    const path = file('http_server_config: { http2: true }\n')
    expect(run(['--web.config.file', path]).warnings).toEqual([expect.stringContaining('HTTP/2')])
  })

  it('takes files from its own folder', () => {
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'sub', 'web.yml'), 'tls_server_config:\n  cert_file: ../server.crt\n  key_file: ../server.key\n')
    const path = join(folder, 'sub', 'web.yml')
    expect(readWebConfig(path)).toMatchObject({ config: { files: [path, join(folder, 'server.crt'), join(folder, 'server.key')] } })
  })
})
