import { expect, it } from 'vitest'
import { parseTraceEvents } from '../../../../../agent/sources/ebpf/tracers/trace-events.ts'

it('reads the uprobes that are defined in tracefs', () => {
  const text = [
    'p:probes/connected /usr/bin/bitcoind:0x0000000000a1b2c3(0xff) arg1=%di',
    'r:probes/returned /opt/a b/bitcoind:0x0000000000000010',
    'p:probes/plain /x:0x20 arg1=%ax',
    'something else',
  ]
  expect(parseTraceEvents(text.join('\n'))).toEqual([
    { event: 'probes/connected', path: '/usr/bin/bitcoind', offset: 0xa1b2c3n },
    { event: 'probes/returned', path: '/opt/a b/bitcoind', offset: 0x10n },
    { event: 'probes/plain', path: '/x', offset: 0x20n },
  ])
})
