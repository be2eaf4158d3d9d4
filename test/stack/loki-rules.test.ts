import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { lokiAlerts } from '../../dashboards/loki-rules.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { type Loki, type LokiRule, startLoki } from './loki.ts'
import { requirePrograms, tellOnFailure } from './requirements.ts'
import { shipped } from './shipped.ts'

const rulesFile = join(import.meta.dirname, '../../dashboards/loki-rules.yaml')
const BLOCK = '000000000000000000010b7f5d1a6a0c2f9e3a4a5b7d8c9e0f1a2b3c4d5e6f70'
const debugLog = { 'service.name': 'bitcoind', job: 'bitcoin' }
const records = { 'service.name': 'fibre-agent', job: 'fibre-blocks' }
const agentLog = { 'service.name': 'fibre-agent', job: 'fibre-agent' }

it('evaluates every rule in the ruler, and fires for the node that the lines are of', async (context) => {
  await requirePrograms(context, 'loki')
  const { path, folder } = stage()
  const rules = folder('rules')
  writeImpatient(join(rules, 'fake'))
  await using loki = await startLoki({ config: shipped('loki.yaml'), folder: path('loki'), rules })
  tellOnFailure({ loki })

  const failed = `UDP: Failed to decode block ${BLOCK}`
  await send(loki, { ...debugLog, node: 'paris' }, [failed, failed])
  await send(loki, { ...debugLog, node: 'tokyo' }, [failed, 'UpdateTip: new best=00 height=1'])
  await send(
    loki,
    { ...debugLog, node: 'quito' },
    Array.from({ length: 10 }, () => 'UDP: Got disconnect message from 192.0.2.11:8433'),
  )
  await send(
    loki,
    { ...debugLog, node: 'lima' },
    Array.from({ length: 12 }, (_, index) => `UpdateTip: new best=${BLOCK} height=${index}`),
  )
  await send(
    loki,
    { ...debugLog, node: 'bern' }, // without FIBRE
    Array.from({ length: 12 }, (_, index) => `UpdateTip: new best=${BLOCK} height=${index}`),
  )
  await send(
    loki,
    { ...debugLog, node: 'oslo' },
    Array.from({ length: 12 }, (_, index) => `UpdateTip: new best=${BLOCK} height=${index}`),
  )
  await send(loki, { ...debugLog, node: 'oslo' }, [`UDP: block=${BLOCK} height=12 winner=FIBRE/UDP`], { winner: 'FIBRE/UDP' })
  await send(loki, { ...debugLog, node: 'rome' }, ['[error] Disk space is too low!'], { level: 'error' })
  await send(loki, { ...debugLog, node: 'rome' }, ['[net] all is well'], { level: 'debug' })
  await send(loki, { ...records, node: 'lima' }, ['{}'], { winner: 'FIBRE/UDP' })
  const record = { block_hash: BLOCK, height: 900_001, reconstruction_peer: '192.0.2.11:8433' }
  await send(loki, { ...records, node: 'paris' }, ['{}'], { ...record, reconstruction_ms: 2600.5 })
  await send(loki, { ...records, node: 'tokyo' }, ['{}'], { ...record, reconstruction_ms: 260 })
  await send(loki, { ...agentLog, node: 'paris' }, ['{}'], { level: 'error', msg: 'cannot attach to bitcoind; trying again' })
  await send(loki, { ...agentLog, node: 'tokyo' }, ['{}'], { level: 'warn', msg: 'tracepoint not attached' })

  const expected = [
    'FibreAgentFault paris',
    'FibreDecodeFailing paris',
    'FibreNodeFault rome',
    'FibrePeersUnstable quito',
    'FibreRaceLinesMissing lima',
    'FibreBlockTookSecondsByLog paris',
  ]
  await until(async () => firing(await loki.rules()).length >= expected.length, 'alerts to fire', 60_000)
  const known = await loki.rules()
  expect(firing(known)).toEqual(expected)
  expect(known.map(({ name }) => name)).toEqual(lokiAlerts.map(({ alert }) => alert))
  for (const { name, health, lastError, lastEvaluation } of known) {
    expect(health, `${name}: ${lastError}`).toBe('ok')
    expect(Date.parse(lastEvaluation), name).toBeGreaterThan(Date.now() - 60_000)
  }
  const texts = known.flatMap(({ alerts = [] }) => alerts.flatMap(({ annotations }) => Object.values(annotations)))
  for (const text of texts) expect(text).not.toMatch(/no value|NaN|error calling|{{/)
  expect(texts).toContain(`paris took more than 2500 ms to reconstruct block 900001 (${BLOCK}) from the chunks of 192.0.2.11:8433.`)
})

it('misses the logs of one node among several, and of all', async (context) => {
  await requirePrograms(context, 'loki')
  const { path, folder } = stage()
  const rules = folder('rules')
  writeImpatient(join(rules, 'fake'), 'bitcoin')
  // Two others that are all about a job of which nothing comes.
  writeImpatient(join(rules, 'fake'), 'nothing')
  await using loki = await startLoki({ config: shipped('loki.yaml'), folder: path('loki'), rules })
  tellOnFailure({ loki })
  const longAgo = Date.now() - 3 * 3_600_000
  await send(loki, { ...debugLog, node: 'paris' }, ['a line'], {}, longAgo)
  await send(loki, { ...debugLog, node: 'tokyo' }, ['a line'], {}, longAgo)
  await send(loki, { ...debugLog, node: 'tokyo' }, ['another line'])
  const missing = async () => firing((await loki.rules()).filter(({ name }) => /Logs/.test(name)))
  // At first nothing had come, and both said so.
  await until(async () => (await missing()).join() === 'FibreLogsMissing paris,FibreNoLogs undefined', 'one alert for each', 60_000)
})

/** Writes the shipped rules so that they are looked at each second and fire at once; and, if asked for, of another job than bitcoin's. */
function writeImpatient(folder: string, job = 'bitcoin'): void {
  const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: { name: string; rules: { for?: string; expr: string }[] }[] }
  const impatient = groups.map(({ name, rules }) => ({
    name: `${name}-${job}`,
    interval: '1s',
    rules: rules.map(({ for: _, ...rule }) => ({ ...rule, expr: rule.expr.replaceAll('job="bitcoin"', `job="${job}"`) })),
  }))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${job}.yaml`), stringify({ groups: impatient }))
}

/** Sends lines to Loki as the Collector does: the resource becomes labels, attributes structured metadata. */
async function send(loki: Loki, resource: object, lines: readonly string[], attributes: object = {}, timeMs = Date.now()): Promise<void> {
  const logRecords = lines.map((line, index) => ({
    timeUnixNano: `${BigInt(timeMs) * 1_000_000n + BigInt(index)}`,
    body: { stringValue: line },
    attributes: keyValues(attributes),
  }))
  const response = await fetch(`${loki.otlpUrl}/v1/logs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ resourceLogs: [{ resource: { attributes: keyValues(resource) }, scopeLogs: [{ logRecords }] }] }),
  })
  if (!response.ok) throw new Error(`Loki answered ${response.status}: ${await response.text()}`)
}

const keyValues = (attributes: object) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { doubleValue: value } : { stringValue: value },
  }))

const firing = (rules: readonly LokiRule[]) =>
  rules
    .flatMap(({ name, alerts = [] }) => alerts.filter(({ state }) => state === 'firing').map(({ labels }) => `${name} ${labels.node}`))
    .sort()
