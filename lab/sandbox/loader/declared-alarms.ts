// The alarms on figures that a metric filter counts, so that a drill can ask whether they would fire.
import { z } from 'zod'
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredAlarm } from '../declaration.ts'

const filterInputs = z.object({
  pattern: z.string(),
  metricTransformation: z.object({ namespace: z.string(), name: z.string(), value: z.string() }),
})
const alarmInputs = z.object({
  name: z.string(),
  namespace: z.string(),
  metricName: z.string(),
  comparisonOperator: z.enum(['LessThanThreshold', 'GreaterThanThreshold']),
  threshold: z.number(),
  alarmActions: z.array(z.string()).min(1),
})

export function readAlarms(resources: readonly RecordedResource[]): DeclaredAlarm[] {
  const ofType = (type: string) => resources.filter((resource) => resource.type === type)
  const filters = ofType('aws:cloudwatch/logMetricFilter:LogMetricFilter').map(({ inputs, region }) => ({
    ...filterInputs.parse(inputs),
    region,
  }))
  return ofType('aws:cloudwatch/metricAlarm:MetricAlarm').flatMap(({ inputs, region, accountId }) => {
    const alarm = alarmInputs.safeParse(inputs)
    if (!alarm.success || accountId === null) return []
    const { name, namespace, metricName, comparisonOperator, threshold } = alarm.data
    return filters
      .filter(
        ({ metricTransformation, region: filterRegion }) =>
          filterRegion === region &&
          metricTransformation.namespace === namespace &&
          metricTransformation.name === metricName,
      )
      .map(({ pattern, metricTransformation }) => ({
        accountId,
        name,
        filter: { pattern, value: metricTransformation.value },
        fires: comparisonOperator === 'GreaterThanThreshold' ? 'above' : 'below',
        threshold,
      }))
  })
}
