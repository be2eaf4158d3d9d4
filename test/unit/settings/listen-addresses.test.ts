import { describe, expect, it } from 'vitest'
import { file, refusal, run } from './settings.ts'

describe('addresses to listen on', () => {
  it.each([
    [['127.0.0.1', '::1'], ['--listen-address', '127.0.0.1', '--listen-address', '::1'], {}],
    [['127.0.0.1', '::1'], ['--listen-address=127.0.0.1,[::1]'], {}],
    [['::', 'unix:/run/fibre-agent/metrics.sock'], [], { FIBRE_LISTEN_ADDRESS: '::, unix:/run/fibre-agent/metrics.sock' }],
  ])('%j are given by %j %j', (addresses, argv, env) => {
    expect(run(argv, env).settings.listenAddresses).toEqual(addresses)
  })

  it.each(['listen_address: 127.0.0.1, ::1', 'listen_address: [127.0.0.1, "::1"]', 'listen_address:\n  - 127.0.0.1\n  - "[::1]"'])(
    'are given by the file: %j',
    (text) => {
      expect(run(['-c', file(text)]).settings.listenAddresses).toEqual(['127.0.0.1', '::1'])
    },
  )

  it.each([
    ['127.0.0.1,127.0.0.1', 'must not name one address twice'],
    ['', 'must be an IP address or a host name'],
    ['127.0.0.1,', 'must be an IP address or a host name'],
    ['unix:', 'must be unix: and a path'],
    ['unix:run/a.sock', 'must be unix: and a path'],
    ['unix:/run/', 'must be unix: and a path'],
    [`unix:/${'x'.repeat(107)}`, 'must be unix: and a path that begins with / and has 107 bytes at most'],
  ])('are refused: %j', (given, problem) => {
    expect(refusal([`--listen-address=${given}`]).problems).toEqual([expect.stringContaining(`--listen-address: ${problem}`)])
  })

  it.each(['rw-rw----', '06600', '888', ''])('have no mode %j', (mode) => {
    expect(refusal([`--socket-mode=${mode}`]).problems).toEqual([expect.stringContaining('must be a mode of three octal digits')])
  })

  it.each(['listen_address: {}', 'listen_address: []', 'listen_address: [[a]]'])('are no other thing in the file: %j', (text) => {
    expect(refusal(['-c', file(text)]).problems).toHaveLength(1)
  })
})
