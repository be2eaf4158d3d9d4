import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { select } from './names.ts'
import { colours, dataSources, type PanelDefinition } from './panel.ts'
import { agents, nodes, variables } from './variables.ts'

/** The tag by which the dashboards link to each other. */
const TAG = 'fibre'

export interface Row {
  readonly title: string
  readonly panels: readonly PanelDefinition[]
}

/** The definition of a dashboard: its purpose and its rows of panels. */
export interface DashboardDefinition {
  readonly uid: string
  readonly title: string
  /** The question that the dashboard answers, in one sentence. */
  readonly purpose: string
  readonly rows: readonly Row[]
  /** Variables of this dashboard alone, after the common ones. */
  readonly variables?: readonly VariableModel[]
}

/** The dashboard of a definition, with variables, links and annotations. */
export function dashboardOf(definition: DashboardDefinition): Dashboard {
  const dashboard = bareDashboardOf(definition).tags([TAG])
  for (const variable of [...variables, ...(definition.variables ?? [])]) dashboard.withVariable({ build: () => variable })
  dashboard.link(
    inSight(new DashboardLinkBuilder('FIBRE dashboards').type(DashboardLinkType.Dashboards).tags([TAG]).includeVars(true).keepTime(true)),
  )
  for (const annotation of annotations()) dashboard.annotation(inSight(annotation))
  return dashboard.build()
}

/** The same without variables, links and annotations. */
export function bareDashboardOf({ uid, title, purpose, rows }: DashboardDefinition): DashboardBuilder {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .description(purpose)
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
  let id = 0
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(++id))
    for (const definition of row.panels) {
      const panel = definition.build(++id)
      dashboard.withPanel({ build: () => panel })
    }
  }
  return dashboard
}

/** Removes the placement with which the SDK would move links and annotations into a menu. */
function inSight<T extends { readonly placement?: unknown }>(builder: Builder<T>): Builder<T> {
  const { placement: _, ...rest } = builder.build()
  return { build: () => rest as T }
}

/** Spans at least one step and four scrapes, so that no change falls between two steps. */
const CHANGE_WINDOW = '$__rate_interval'

function annotations(): readonly AnnotationQueryBuilder[] {
  const annotation = (name: string, colour: string, expr: string, title: string, text: string) =>
    new AnnotationQueryBuilder()
      .name(name)
      .datasource(dataSources.promql)
      .iconColor(colour)
      .hide(false)
      .expr(expr)
      .step('1m')
      .titleFormat(title)
      .textFormat(text)
  return [
    // Off at first: a day has 144 blocks.
    annotation(
      'Blocks',
      colours.fibre,
      `max(changes(${select('fibre_last_block_height', {}, nodes)}[${CHANGE_WINDOW}])) > 0`,
      'Block',
      '',
    ).enable(false),
    annotation(
      'Agent starts',
      colours.other,
      `changes(${select('fibre_exporter_start_time_seconds', {}, agents)}[${CHANGE_WINDOW}]) > 0`,
      'Agent started',
      '{{instance}}',
    ).enable(true),
    annotation(
      'Alerts',
      colours.bad,
      `max by (alertname, node, severity) (${select('ALERTS', { alertstate: 'firing' }, 'alertname=~"Fibre.+", node=~"$node|"')})`,
      '{{alertname}}',
      '{{node}} ({{severity}})',
    ).enable(true),
  ]
}
