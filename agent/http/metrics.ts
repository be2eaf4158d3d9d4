import type { Route } from './answer.ts'

/** The Prometheus text page. A scrape that comes while another collects shares its result, so that collections never pile up. */
export function metricsRoute(collect: () => Promise<string>): Route {
  let running: Promise<string> | undefined
  return async () => {
    running ??= collect().finally(() => {
      running = undefined
    })
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await running }
  }
}
