import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Destination, formatterOf, type LogFormat } from '../../agent/log-format.ts'

const ended = {
  level: 'warn',
  time: '2026-11-27T05:13:41.123Z',
  node: 'alpha',
  pid: 12,
  msg: 'bitcoind ended; waiting for it to come back',
}
const show = (format: LogFormat, destination: Destination, line: object = ended) =>
  formatterOf(format, destination)(`${JSON.stringify(line)}\n`)

describe('a line of the log', () => {
  it('is JSON where a program reads it, and else for people', () => {
    const json = `${JSON.stringify(ended)}\n`
    const text = '2026-11-27T05:13:41Z [warning] bitcoind ended; waiting for it to come back node=alpha pid=12\n'
    const journal = '<4>bitcoind ended; waiting for it to come back node=alpha pid=12\n'
    const destinations = ['terminal', 'journal', 'file'] as const
    expect(destinations.map((to) => show('auto', to))).toEqual([text, journal, json])
    expect(destinations.map((to) => show('text', to))).toEqual([text, journal, text])
    expect(destinations.map((to) => show('json', to))).toEqual([json, json, json])
  })

  it('has colours in a terminal that shows them', () => {
    expect(show('text', 'coloured terminal')).toBe(
      '\u001b[2m2026-11-27T05:13:41Z\u001b[22m \u001b[33m[warning] \u001b[39mbitcoind ended; waiting for it to come back\u001b[2m node=alpha pid=12\u001b[22m\n',
    )
  })

  it.for([
    ['debug', '[debug] x', '<7>x', '[DEBUG] fibre_exporter: x'],
    ['info', 'x', '<6>x', '[INFO] fibre_exporter: x'],
    ['warn', '[warning] x', '<4>x', '[WARNING] fibre_exporter: x'],
    ['error', '[error] x', '<3>x', '[ERROR] fibre_exporter: x'],
  ] as const)('has its level as its reader knows it: %s', ([level, text, journal, older]) => {
    const line = { level, time: ended.time, msg: 'x' }
    expect(show('text', 'terminal', line)).toBe(`2026-11-27T05:13:41Z ${text}\n`)
    expect(show('text', 'journal', line)).toBe(`${journal}\n`)
    const local = new Date(ended.time)
    const time = local.toLocaleString('sv-SE') // as Python's logging: local time, without a zone
    expect(show('fibre_exporter', 'journal', line)).toBe(`${time} ${older}\n`)
    expect(show('fibre_exporter', 'coloured terminal', line)).toBe(`${time} ${older}\n`)
  })

  it('quotes values that could be taken for several, and has of an error its message', () => {
    const fields = {
      path: '/a b',
      empty: '',
      quote: 'a"b',
      list: [1, 2],
      nothing: null,
      err: { type: 'Error', message: 'no', stack: 'at x' },
    }
    expect(show('text', 'terminal', { ...ended, node: undefined, pid: undefined, ...fields, msg: 'x' })).toBe(
      '2026-11-27T05:13:41Z [warning] x path="/a b" empty="" quote="a\\"b" list=[1,2] nothing=null err=no\n',
    )
  })

  it('that has a summary is that alone in text, and all of it in JSON', () => {
    const line = { ...ended, block_hash: '00', summary: 'slow block 9 of alpha: by FIBRE in 60 ms', msg: 'slow_block_alert' }
    expect(show('text', 'terminal', line)).toBe('2026-11-27T05:13:41Z [warning] slow block 9 of alpha: by FIBRE in 60 ms\n')
    expect(JSON.parse(show('json', 'terminal', line))).toEqual(line)
  })

  it('is one line of bounded length without anything that acts on a terminal, whatever others wrote', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3_000 }),
      fc.constantFrom('\u001b]0;x\u0007', '\r\n<0>panic', '\u009b2J', '\u202e', '\u2028'),
    )
    const line = fc.record({ msg: hostile, node: hostile, reason: hostile, summary: fc.option(hostile, { nil: undefined }) })
    const cases = [
      ['text', 'terminal'],
      ['text', 'journal'],
      ['fibre_exporter', 'file'],
    ] as const
    fc.assert(
      fc.property(line, fc.constantFrom(...cases), (fields, [format, destination]) => {
        const shown = show(format, destination, { ...ended, ...fields })
        expect(shown.length).toBeLessThan(1_100)
        expect(shown).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]*\n$/u)
      }),
    )
  })
})
