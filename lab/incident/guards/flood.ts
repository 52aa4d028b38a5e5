// A stolen writer that fills the vault: the alarms on its source's budget fire above it, and only for the source's
// own objects.
import { packPrefix } from '../../../core/store/vault-keys.ts'
import { createdObjectEvent } from '../../sandbox/alarms/created-object.ts'
import { measure } from '../../sandbox/alarms/metric-filter.ts'
import type { DeclaredAlarm } from '../../sandbox/declaration.ts'
import type { ClaimFindings } from '../claims.ts'
import { sources } from '../drill-context.ts'
import type { Provisioned } from '../drill-context.ts'

interface Upload {
  key: string
  bytes: number
  count: number
}

export function examineFlood({
  declaration,
  vault,
}: Pick<Provisioned, 'declaration' | 'vault'>): ClaimFindings {
  const floodAlarms = declaration.alarms.filter(({ fires }) => fires === 'above')
  const alarmsOn = (upload: Upload) =>
    floodAlarms.filter((alarm) => sumOf(alarm, vault.name, upload) > alarm.threshold).map(({ name }) => name)
  const findings = sources.flatMap(({ name: source }) => {
    const sourceAlarms = floodAlarms.filter(({ name }) => name.endsWith(`-${source}`))
    const objects = sourceAlarms.find(({ filter }) => filter.value === '1')
    const bytes = sourceAlarms.find(({ filter }) => filter.value !== '1')
    if (objects === undefined || bytes === undefined) return [`${source} has no alarm on objects or on bytes`]
    const key = `${packPrefix(source)}x`
    return [
      expectAlarms(
        `${source}, one object above its budget`,
        alarmsOn({ key, bytes: 1, count: objects.threshold + 1 }),
        [objects.name],
      ),
      expectAlarms(
        `${source}, one byte above its budget`,
        alarmsOn({ key, bytes: bytes.threshold + 1, count: 1 }),
        [bytes.name],
      ),
      expectAlarms(
        `${source}, exactly its budget`,
        alarmsOn({ key, bytes: 1, count: objects.threshold }),
        [],
      ),
    ].flat()
  })
  return { findings, evidence: `${floodAlarms.length} alarms on the budgets of sources` }
}

/** A stolen writer can add any object. So an alarm on silence counts what the checks print, and no object. */
export function examineSilence({ declaration }: Pick<Provisioned, 'declaration'>): string[] {
  const silenceAlarms = declaration.alarms.filter(({ fires }) => fires === 'below')
  const fedByObjects = silenceAlarms.filter(({ filter }) => filter.pattern.includes('$.detail.object'))
  return [
    ...fedByObjects.map(({ name }) => `an object of a writer ends the alarm ${name}`),
    ...sources
      .map(({ name }) => `holdfast-check-freshness-${name}-missed`)
      .filter((alarmName) => !silenceAlarms.some(({ name }) => name === alarmName))
      .map((alarmName) => `there is no alarm ${alarmName}`),
  ]
}

function sumOf({ filter }: DeclaredAlarm, bucket: string, { key, bytes, count }: Upload): number {
  return (measure(filter, createdObjectEvent({ bucket, key, bytes })) ?? 0) * count
}

function expectAlarms(upload: string, fired: readonly string[], expected: readonly string[]): string[] {
  return fired.toSorted().join() === expected.toSorted().join()
    ? []
    : [`${upload}: the alarms are ${fired.join(', ') || 'none'}, not ${expected.join(', ') || 'none'}`]
}
