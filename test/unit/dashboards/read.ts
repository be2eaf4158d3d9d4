import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DashboardJson } from './schema.ts'

const folder = join(import.meta.dirname, '../../../dashboards')

export type Dashboard = DashboardJson & { readonly file: string; readonly __inputs?: readonly { readonly name: string }[] }
export type Panel = Exclude<Dashboard['panels'][number], { readonly type: 'row' }>

/** The dashboards that are committed. */
export const dashboards: readonly Dashboard[] = globSync('{json,import}/*.json', { cwd: folder })
  .sort()
  .map((file) => ({ file, ...JSON.parse(readFileSync(join(folder, file), 'utf8')) }))

export const panelsOf = ({ panels }: Dashboard): readonly Panel[] => panels.filter((panel): panel is Panel => panel.type !== 'row')

/** Every query of every panel, and of annotations, in PromQL or LogQL. */
export function* queriesOf(
  dashboard: Dashboard,
  type: 'prometheus' | 'loki',
): Generator<{ readonly panel: string; readonly expr: string }> {
  for (const { title = '', targets } of panelsOf(dashboard))
    for (const { datasource, expr } of targets) if (datasource?.type === type) yield { panel: title, expr }
  for (const { name, datasource, expr = '' } of dashboard.annotations.list ?? []) if (datasource?.type === type) yield { panel: name, expr }
}
