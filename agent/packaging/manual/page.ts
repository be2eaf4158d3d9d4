import { allFlags } from '../../commands/command-line.ts'
import type { Flags } from '../../commands/flags.ts'
import { spellingOf } from '../../commands/help-text.ts'
import { homepage } from '../../homepage.ts'
import { type DocumentedCommand, documentedCommands } from './commands.ts'
import { Roff } from './roff.ts'

const FILES = [
  ['/etc/fibre-agent/config.yaml', 'Settings, where the file is there. Commented: each stands at its default.'],
  ['/var/lib/fibre-agent/blocks.ndjson', 'The journal: a line of JSON for each block.'],
  ['/usr/share/fibre-agent/', 'Dashboards for Grafana, rules for Prometheus and Loki, configurations of the OpenTelemetry Collector.'],
  ['/usr/share/doc/fibre-agent/', 'What the agent shows, needs and can be set to; how it is installed.'],
] as const

/** Returns fibre-agent(1), from the same definitions as `--help`. `date` is that of the release, YYYY-MM-DD. */
export async function manualPage(version: string, date: string): Promise<string> {
  const [run, ...others] = await documentedCommands()
  const roff = new Roff('fibre-agent', 1, date, `fibre-agent ${version}`)
  roff.section('Name').paragraph('fibre-agent - tells how blocks reach the Bitcoin nodes on this machine, how fast, and what took the time')
  roff.section('Synopsis').literal(run.command.help.usage)
  roff.section('Description')
  addParts(roff, run)
  for (const other of others) {
    roff.section(`fibre-agent ${other.name}`).literal(other.command.help.usage)
    addParts(roff, other)
  }
  roff.section('Files')
  for (const [path, meaning] of FILES) roff.entry(path, [meaning])
  if (homepage !== undefined) roff.section('See also').paragraph(homepage)
  return roff.toString()
}

function addParts(roff: Roff, { command }: DocumentedCommand): void {
  const flags: Flags = allFlags(command)
  for (const part of command.help.parts) {
    if (typeof part === 'string') roff.paragraph(part)
    else if ('flags' in part) {
      roff.subsection(part.title)
      for (const name of part.flags) {
        const flag = flags[name]
        if (flag !== undefined) roff.entry(spellingOf(name, flag), [flag.help, ...(flag.note ? [`[${flag.note}]`] : [])])
      }
    } else {
      roff.subsection(part.title)
      for (const { words, meaning } of part.examples) roff.literal([`# ${meaning}`, words])
    }
  }
}
