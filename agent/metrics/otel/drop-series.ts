import type { Attributes } from '@opentelemetry/api'
import type { MeterProvider } from '@opentelemetry/sdk-metrics'

/**
 * Takes series out of the SDK, which has no way to do so: what was observed once is exported for ever. This reaches
 * into its fields; the version of the SDK is pinned, and the test fails should they be called otherwise.
 */
export function dropSeries(provider: MeterProvider, isGone: (metric: string, attributes: Attributes) => boolean): void {
  for (const [metric, map] of mapsOf(provider as unknown as Provider))
    for (const [hash, attributes] of map._keyMap) {
      if (!isGone(metric, attributes)) continue
      map._keyMap.delete(hash)
      map._valueMap.delete(hash)
    }
}

function* mapsOf({ _sharedState }: Provider): Iterable<readonly [metric: string, AttributeMap]> {
  for (const { metricStorageRegistry } of _sharedState.meterSharedStates.values()) {
    const { _sharedRegistry, _perCollectorRegistry } = metricStorageRegistry
    for (const registry of [_sharedRegistry, ..._perCollectorRegistry.values()])
      for (const [metric, storages] of registry)
        for (const storage of storages) for (const map of mapsOfStorage(storage)) yield [metric, map]
  }
}

function* mapsOfStorage({ _deltaMetricStorage: delta, _temporalMetricStorage: temporal }: Storage): Iterable<AttributeMap> {
  yield delta._activeCollectionStorage
  yield delta._cumulativeMemoStorage
  yield* [...temporal._unreportedAccumulations.values()].flat()
  for (const { accumulations } of temporal._reportHistory.values()) yield accumulations
}

interface AttributeMap {
  readonly _keyMap: Map<string, Attributes>
  readonly _valueMap: Map<string, unknown>
}

type Registry = ReadonlyMap<string, readonly Storage[]>

interface Storage {
  readonly _deltaMetricStorage: { readonly _activeCollectionStorage: AttributeMap; readonly _cumulativeMemoStorage: AttributeMap }
  readonly _temporalMetricStorage: {
    readonly _unreportedAccumulations: ReadonlyMap<unknown, readonly AttributeMap[]>
    readonly _reportHistory: ReadonlyMap<unknown, { readonly accumulations: AttributeMap }>
  }
}

interface Provider {
  readonly _sharedState: {
    readonly meterSharedStates: ReadonlyMap<
      string,
      {
        readonly metricStorageRegistry: {
          readonly _sharedRegistry: Registry
          readonly _perCollectorRegistry: ReadonlyMap<unknown, Registry>
        }
      }
    >
  }
}
