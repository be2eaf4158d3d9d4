import type { HrTime } from '@opentelemetry/api'

/** Returns the wall clock as OpenTelemetry has it: seconds and nanoseconds. */
export function wallClock(): HrTime {
  const milliseconds = Date.now()
  return [Math.trunc(milliseconds / 1000), (milliseconds % 1000) * 1e6]
}
