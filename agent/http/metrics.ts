import type { Route, WholeAnswer } from './answer.ts'

/** Serves the Prometheus text format. A scrape that comes while another collects shares its result, so that collections never pile up. */
export function metricsRoute(collect: () => Promise<string>): Route {
  let running: Promise<WholeAnswer> | undefined
  const answer = async () => ({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await collect() })
  return () => {
    running ??= answer().finally(() => {
      running = undefined
    })
    return running
  }
}
