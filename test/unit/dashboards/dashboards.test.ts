import { describe, expect, it } from 'vitest'
import { pathStyles } from '../../../agent/blocks/path-styles.ts'
import { tracepoints } from '../../../agent/tracepoints/index.ts'
import { alerts } from '../../../dashboards/alerts.ts'
import { declaredSeries } from '../../../dashboards/names.ts'
import { namesIn } from './promql.ts'
import { dashboards, type Panel, panelsOf, queriesOf } from './read.ts'

const isPublic = ({ file }: { readonly file: string }) => file.startsWith('import/')
const own = dashboards.filter((dashboard) => !isPublic(dashboard))
const everyPanel = dashboards.flatMap((dashboard) => panelsOf(dashboard).map((panel) => ({ dashboard, panel })))
const nameOf = ({ dashboard, panel }: (typeof everyPanel)[number]) => `${dashboard.title}: ${panel.title}`
const expressions = (panel: Panel) => panel.targets.map(({ expr }) => expr)

/** Variables that Grafana itself replaces. */
const builtIn = ['__all', '__interval', '__rate_interval', '__value', '__url_time_range']

describe('a dashboard', () => {
  it('is there for each question, the overview under the uid that links have always had', () => {
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual(
      ['agent', 'block-relay', 'chunks', 'fleet', 'logs', 'nodes', 'races', 'reconstruction', 'relay', 'relay-public', 'traffic'].map(
        (name) => `fibre-${name}`,
      ),
    )
    for (const { file, uid } of dashboards) expect(file).toMatch(new RegExp(`^(json|import)/${uid}\\.json$`))
  })

  it.each(dashboards)('shows a day at first and refreshes each minute: $title', ({ time, refresh, description }) => {
    expect(time).toEqual({ from: 'now-24h', to: 'now' })
    expect(refresh).toBe('1m')
    expect(description).toMatch(/\?$/)
  })

  it.each(own)('lets data sources, job, node and window be chosen: $title', ({ templating: { list = [] } }) => {
    const [datasource, loki, job, node, window] = list
    expect([datasource, loki]).toMatchObject([
      { type: 'datasource', name: 'datasource', query: 'prometheus' },
      { type: 'datasource', name: 'loki', query: 'loki' },
    ])
    expect([job, node]).toMatchObject([
      { name: 'job', multi: true, includeAll: true },
      { name: 'node', multi: true, includeAll: true, query: { query: expect.stringContaining('{job=~"$job"}, node)') } },
    ])
    expect(window).toMatchObject({ type: 'custom', name: 'window', query: '1h,6h,24h,7d', current: { value: '24h' } })
  })

  it.each(dashboards)('asks no data source but those that are chosen: $title', (dashboard) => {
    const chosen = new Map(
      (dashboard.templating.list ?? []).filter(({ type }) => type === 'datasource').map((one) => [`$${one.name}`, one.query]),
    )
    for (const { name } of dashboard.__inputs ?? []) chosen.set(`\${${name}}`, 'prometheus')
    const asked: { readonly type?: string; readonly uid?: string }[] = []
    JSON.parse(JSON.stringify(dashboard), (key, value) => {
      if (key === 'datasource') asked.push(value)
      return value
    })
    expect(asked.length).toBeGreaterThan(10)
    for (const { type, uid } of asked) expect(chosen.get(uid ?? ''), `${type} ${uid}`).toBe(type)
    for (const { datasource, targets } of panelsOf(dashboard)) for (const target of targets) expect(target.datasource).toEqual(datasource)
  })

  it.each(dashboards)('names no variable that it does not have: $title', (dashboard) => {
    const known = [...(dashboard.templating.list ?? []), ...(dashboard.__inputs ?? [])].map(({ name }) => name)
    const named = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name)
    expect([...known, ...builtIn]).toEqual(expect.arrayContaining(named))
  })

  it.each(dashboards)('has panels that lie beside each other, on 24 columns, and ids of their own: $title', ({ panels }) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ title, gridPos }) => {
      if (!gridPos) throw new Error(`${title} has no place`)
      const { x, y, w, h } = gridPos
      expect(x + w, title).toBeLessThanOrEqual(24)
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
    })
    expect(new Set(cells).size).toBe(cells.length)
    // No holes: each line is full.
    const lines = Map.groupBy(cells, (cell) => cell.split(',')[1])
    for (const [line, { length }] of lines) expect(length, `line ${line}`).toBe(24)
  })

  it.each(own)('leads to the others, with what was chosen: $title', ({ links = [], tags = [] }) => {
    expect(links).toMatchObject([{ type: 'dashboards', includeVars: true, keepTime: true }])
    for (const { tags } of own) expect(tags).toEqual(links[0]?.tags)
    expect(tags).toEqual(links[0]?.tags)
  })

  it('links to no dashboard that there is not', () => {
    const linked = [...JSON.stringify(dashboards).matchAll(/\/d\/([\w-]+)/g)].map(([, uid]) => uid)
    expect(linked.length).toBeGreaterThan(0)
    expect(dashboards.map(({ uid }) => uid)).toEqual(expect.arrayContaining(linked))
  })

  it.each(own)('marks blocks, if asked to: $title', ({ annotations: { list = [] } }) => {
    expect(list).toContainEqual(
      expect.objectContaining({ name: 'Blocks', enable: false, expr: expect.stringContaining('changes(fibre_last_block_height{') }),
    )
  })
})

describe('a panel', () => {
  it.each(everyPanel.map((one) => [nameOf(one), one.panel] as const))(
    'says what it answers and what it means when empty: %s',
    (_, panel) => {
      expect(panel.description).toMatch(/^[A-Z].*\?/)
      expect(panel.description).toMatch(/\n\nNo data means [a-z].*[^.]\.$/)
      expect(panel.fieldConfig.defaults.noValue).toMatch(/^\w.*[^.]$/)
      if (!['logs', 'table', 'state-timeline'].includes(panel.type))
        expect(panel.fieldConfig.defaults.unit ?? panel.fieldConfig.defaults.mappings).toBeDefined()
      expect(panel.targets.length).toBeGreaterThan(0)
    },
  )

  it.each(everyPanel.map((one) => [nameOf(one), one.panel] as const))(
    'looks back at least an hour where it counts blocks: %s',
    (_, panel) => {
      for (const [, window = ''] of expressions(panel)
        .join(' ')
        .matchAll(/\[(\$\w+|\d+[smhdw])\]/g)) {
        if (window === '$__rate_interval') expect(expressions(panel).join()).toContain('process_cpu_seconds_total')
        else if (window === '$__interval')
          expect(panel.interval).toMatch(panel.targets[0]?.datasource?.type === 'loki' ? /^(10m|6h)$/ : /^1h$/)
        else expect(window).toMatch(/^(\$window|24h|1d|7d)$/)
      }
    },
  )

  it('shows a win rate beside its coverage only', () => {
    const isOf = (part: string) => (panel: Panel | undefined) =>
      panel !== undefined && expressions(panel).some((expr) => expr.includes(part))
    const isWinRate = (panel: Panel | undefined) =>
      panel !== undefined && expressions(panel).some((expr) => /mechanism="fibre_udp"\}\[[^\]]*\]\)\) \/ /.test(expr))
    const isCoverage = isOf('+ sum by')
    const alone = dashboards.flatMap((dashboard) => {
      const panels = panelsOf(dashboard)
      return panels.filter(
        (panel, index) =>
          isWinRate(panel) &&
          !isCoverage(panel) &&
          !(isCoverage(panels[index + 1]) && isOf('fibre_blocks_without_race_total')(panels[index + 1])),
      )
    })
    expect(alone.map(({ title }) => title)).toEqual([])
    expect(everyPanel.filter(({ panel }) => isWinRate(panel)).length).toBeGreaterThan(5)
  })

  it('marks every head start as a lower bound, and takes both kinds together', () => {
    const headStarts = everyPanel.filter(({ panel }) => expressions(panel).some((expr) => expr.includes('head_start')))
    expect(headStarts.length).toBeGreaterThan(5)
    for (const one of headStarts) {
      expect(JSON.stringify(one.panel), nameOf(one)).toContain('≥')
      for (const expr of expressions(one.panel).filter((expr) => expr.includes('head_start')))
        expect(expr).toMatch(/fibre_race_head_start_seconds_bucket.* \+ .*fibre_race_head_start_at_least_seconds_bucket/)
    }
  })

  it("never draws both mechanisms' times to connected into one graph", () => {
    for (const one of everyPanel) {
      const times = expressions(one.panel).filter((expr) => expr.includes('fibre_block_race_latency_seconds'))
      const mechanisms = new Set(times.map((expr) => /mechanism="(\w+)"/.exec(expr)?.[1]))
      expect(mechanisms.size, nameOf(one)).toBeLessThanOrEqual(1)
      expect([...mechanisms]).not.toContain(undefined)
    }
  })

  it.each([
    ['FIBRE overview: FIBRE win rate, $window', ['FibreWinRateLow']],
    ['FIBRE overview: Race coverage, $window', ['FibreRaceCoverageLow']],
    ['FIBRE overview: Blocks since FIBRE won', ['FibreNotWinning']],
    ['FIBRE overview: Blocks behind', ['FibreNodeBehind']],
    ['FIBRE overview: Last block', ['FibreNoBlock']],
    ['FIBRE overview: Reconstructed within 100 ms, $window', ['FibreObjectiveMissed']],
    ['FIBRE reconstruction: Reconstruction time, median, $window', ['FibreReconstructionSlow']],
    ['FIBRE reconstruction: Connecting, p90, $window', ['FibreSlowConnect']],
    ['Block relay: Without a round trip, $window', ['FibreRoundTrips']],
    ['Block relay: Announced to connected, median, $window', ['FibreAnnouncedToConnectedSlow']],
    ['FIBRE agent health: Clock error', ['FibreClockBad']],
    ['FIBRE agent health: Certificate', ['FibreCertExpiring']],
  ])('changes its colour where the alert fires: %s', (name, of) => {
    const panel = everyPanel.find((one) => nameOf(one) === name)?.panel
    const steps = panel?.fieldConfig.defaults.thresholds?.steps.flatMap(({ value }) => value ?? [])
    const limits = alerts.filter(({ alert }) => of.includes(alert)).flatMap(({ expr }) => limitsIn(expr))
    expect(steps?.length).toBeGreaterThan(0)
    expect(limits).toEqual(expect.arrayContaining(steps ?? []))
  })
})

/** The numbers that an expression compares with. */
const limitsIn = (expr: string) =>
  [...expr.matchAll(/[<>]=? ([\d.]+)(?: \* (\d+))?/g)].map(([, value, factor = 1]) => Number(value) * Number(factor))

describe('a query', () => {
  const asked = dashboards.flatMap((dashboard) =>
    [...queriesOf(dashboard, 'prometheus')].map((query) => [dashboard.title, query.panel, query.expr] as const),
  )

  it.each(asked)('names only series and labels that the agent declares: %s: %s %#', (_title, _panel, expr) => {
    const { series, grouped } = namesIn(expr)
    expect(series.length).toBeGreaterThan(0)
    for (const { name, labels } of series) {
      expect([...declaredSeries.keys()]).toContain(name)
      expect([...(declaredSeries.get(name) ?? [])], name).toEqual(expect.arrayContaining([...labels]))
    }
    expect(series.flatMap(({ name }) => [...(declaredSeries.get(name) ?? [])])).toEqual(expect.arrayContaining([...grouped]))
  })

  it('is read to the last name', () => {
    expect(
      namesIn('histogram_quantile(0.5, sum by (job, le) (increase(a_bucket{b=~"c, d{", e!="f"}[1h])) + g) >= 0 and on (h) time() - i > 5'),
    ).toEqual({
      series: [
        { name: 'a_bucket', labels: ['b', 'e'] },
        { name: 'g', labels: [] },
        { name: 'i', labels: [] },
      ],
      grouped: ['job', 'le', 'h'],
    })
  })
})

describe('the public overview', () => {
  const shared = dashboards.filter(isPublic)

  it('shows no logs, peers or addresses, and offers nothing to choose or follow', () => {
    expect(shared).toHaveLength(1)
    for (const dashboard of shared) {
      expect(dashboard).toMatchObject({ templating: {}, annotations: {}, editable: false })
      expect(dashboard.links ?? []).toEqual([])
      expect([...queriesOf(dashboard, 'loki')]).toEqual([])
      for (const { expr } of queriesOf(dashboard, 'prometheus'))
        expect(expr).toMatch(/^(?!.*(instance|peer|bitcoind_path|\$(?!__interval)))/)
    }
  })

  it('lets no label through but the node', () => {
    for (const dashboard of shared)
      for (const { expr } of queriesOf(dashboard, 'prometheus')) {
        expect(namesIn(expr).grouped.filter((label) => !['node', 'le'].includes(label))).toEqual([])
        // Nothing that is not summed or the largest.
        expect(expr.replaceAll(/(?:sum|max)(?: by \([^)]*\))? ?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/g, '')).not.toMatch(
          /fibre_|bitcoin_/,
        )
      }
  })
})

it('says that a block which is connected again counts again, wherever that count stands beside what is told of a block once', () => {
  const mixed = dashboards.flatMap(panelsOf).filter(({ targets }) => {
    const queries = targets.map(({ expr = '' }) => expr)
    return queries.some((expr) => /^sum \(increase\(bitcoin_blocks_connected_total/.test(expr)) && queries.length > 1
  })
  expect(mixed.length).toBeGreaterThan(0)
  for (const { title, description } of mixed)
    expect(description, title).toContain('after a crash or reorganisation, counts again as connected')
})

it('asks for nothing that only proposed tracepoints tell: the 0 of a node without them would be shown as a fact', () => {
  const proposed = tracepoints.filter(({ proposedIn }) => proposedIn !== undefined)
  const names = proposed.flatMap(({ metrics }) => metrics.map(({ name }) => name))
  expect(names.length).toBeGreaterThan(0)
  const queries = dashboards.flatMap((dashboard) => [...queriesOf(dashboard, 'prometheus')])
  expect(queries.length).toBeGreaterThan(100)
  expect(queries.filter(({ expr }) => names.some((name) => expr.includes(name)))).toEqual([])
})

it('calls the paths of blocks as the page does, in legends and tables, and tells all of them apart', () => {
  /** What a property is of each legend or column of the panels with a title. */
  const propertiesOf = (title: string, id: string) =>
    dashboards
      .flatMap(panelsOf)
      .filter((panel) => panel.title === title)
      .map(({ fieldConfig: { overrides } }) =>
        Object.fromEntries(
          overrides.map(({ matcher, properties }) => [matcher.options, properties.find((property) => property.id === id)?.value]),
        ),
      )
  const { caught_up, ...styles } = pathStyles
  const names = Object.entries(styles).map(([path, { name }]) => [path, name] as const)
  expect(new Set(names.map(([, name]) => name)).size).toBe(names.length)
  const legends = Object.fromEntries(names)
  expect(propertiesOf('Blocks by how they came', 'displayName')).toEqual([legends, legends])
  const options = Object.fromEntries(names.map(([path, text]) => [path, expect.objectContaining({ text })]))
  const column = expect.objectContaining({ 'Came by': [expect.objectContaining({ options })] })
  expect(propertiesOf('Way of the last blocks', 'mappings')).toEqual([column, column])
})
