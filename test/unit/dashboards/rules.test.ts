import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { addressOf, homepage } from '../../../agent/homepage.ts'
import { alerts, alertsYaml } from '../../../dashboards/alerts.ts'
import { lokiAlerts, lokiRulesYaml } from '../../../dashboards/loki-rules.ts'
import { recordings } from '../../../dashboards/recording.ts'
import { type Alert, anchorOf, rulesYaml } from '../../../dashboards/rule.ts'
import { promtool } from '../../harness/promtool.ts'

const folder = join(import.meta.dirname, '../../../dashboards')
const all = [...alerts, ...lokiAlerts]

it('is accepted by promtool', async () => {
  const { status, stdout, stderr } = spawnSync(await promtool(), ['check', 'rules', join(folder, 'alerts.yaml')], { encoding: 'utf8' })
  expect(status, stdout + stderr).toBe(0)
  expect(stdout).toContain(`SUCCESS: ${alerts.length + recordings.length} rules found`)
})

it('has a runbook for every alert, to which the alert leads, and none for another', () => {
  const text = readFileSync(join(folder, 'runbooks.md'), 'utf8')
  const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading)
  expect(headings).toEqual([...new Set(headings)])
  expect(headings.sort()).toEqual([...new Set(all.map(({ alert }) => alert))].sort())
  const rules = [alertsYaml(), lokiRulesYaml()].flatMap((yaml) => parse(yaml).groups.flatMap(({ rules }: { rules: unknown[] }) => rules))
  for (const { alert, annotations } of rules.filter(({ alert }) => alert))
    expect(annotations.runbook_url).toBe(addressOf(`dashboards/runbooks.md#${alert.toLowerCase()}`, homepage))
})

it('leads to the installed runbooks by a URL if the project has no homepage, and else to those at the homepage', () => {
  const [alert] = alerts as readonly [Alert]
  const runbookOf = (home: string | undefined) => {
    const [rule] = parse(rulesYaml([{ name: 'one', interval: '1m', rules: [alert] }], home)).groups[0].rules
    return rule.annotations.runbook_url
  }
  const file = `dashboards/runbooks.md#${anchorOf(alert)}`
  if (homepage === undefined) expect(runbookOf(undefined)).toBe(`file:///usr/share/fibre-agent/${file}`)
  expect(runbookOf('https://github.com/owner/fibre-agent#readme')).toBe(`https://github.com/owner/fibre-agent/blob/HEAD/${file}`)
  expect(runbookOf('https://fibre.example.org/agent/')).toBe(`https://fibre.example.org/agent/${file}`)
})

it('says in every runbook what it means, where to look and what to do, and links to what is there', () => {
  const text = readFileSync(join(folder, 'runbooks.md'), 'utf8')
  for (const section of text.split(/^### /m).slice(1)) expect(section).toMatch(/\*\*Means\.\*\*[\s\S]+\*\*Look\.\*\*[\s\S]+\*\*Do\.\*\*/)
  const anchors = new Set(all.map(anchorOf))
  for (const [, anchor = ''] of text.matchAll(/\]\(#(\w+)\)/g)) expect(anchors).toContain(anchor)
})

it('names whom an alert is about: the node, or the agent with its nodes', () => {
  const aboutAll: readonly string[] = ['FibreNoAgent', 'FibreNoLogs'] satisfies readonly Alert['alert'][]
  for (const { alert, summary, description } of all.filter(({ alert }) => !aboutAll.includes(alert)))
    for (const text of [summary, description]) expect(text, alert).toMatch(/\$labels\.(node|instance)/)
})

it('does not call slow or very slow a single block by another measure than the agent, the journal and the page do', () => {
  const text = readFileSync(join(folder, 'runbooks.md'), 'utf8')
  for (const { alert, summary, description } of all) {
    expect(alert).not.toMatch(/SlowBlock/)
    expect(`${summary} ${description}`, alert).not.toMatch(/very slow/i)
  }
  expect(text).toContain('what log, journal and page call very slow (100 ms, `--very-slow-threshold-ms`)')
})

it('pages only for what cannot wait', () => {
  const pages = all.filter(({ severity }) => severity === 'critical').map(({ alert }) => alert)
  expect(pages).toEqual(['FibreAgentDown', 'FibreNodeDown', 'FibreNoBlock'])
})

it('names recorded series by level, metric and operation', () => {
  for (const { record } of recordings) expect(record).toMatch(/^job_node:[a-z_]+:[a-z0-9_]+$/)
})
