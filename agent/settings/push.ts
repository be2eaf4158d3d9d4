import { longestPushMs } from './check.ts'
import type { Settings } from './load.ts'
import { withoutCredentials } from './settings-text.ts'

/** Returns where and how metrics are pushed; `undefined` if they are not. */
export function pushOptionsOf(settings: Settings, proxy: Readonly<Record<string, string>> | undefined) {
  const { otlpEndpoint: url, otlpProtocol: protocol, otlpIntervalMs: intervalMs, otlpTimeoutMs } = settings
  const timeoutMs = otlpTimeoutMs ?? Math.min(USUAL_TIMEOUT_MS, longestPushMs(intervalMs))
  return url === undefined ? undefined : { url, protocol, proxy, shownAs: withoutCredentials(url), intervalMs, timeoutMs }
}

/** OpenTelemetry's default. */
const USUAL_TIMEOUT_MS = 10_000
