// The resources on the way of an alarm, as the program declared them: a test can change one behind the program's back.
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredResource } from '../declaration.ts'

const types: readonly string[] = [
  'aws:cloudwatch/metricAlarm:MetricAlarm',
  'aws:cloudwatch/logMetricFilter:LogMetricFilter',
  'aws:cloudwatch/eventRule:EventRule',
  'aws:cloudwatch/eventTarget:EventTarget',
  'aws:scheduler/schedule:Schedule',
  'aws:sns/topic:Topic',
  'aws:sns/topicSubscription:TopicSubscription',
]

export function readAlarmPath(resources: readonly RecordedResource[]): DeclaredResource[] {
  return resources.flatMap(({ type, accountId, region, inputs }) => {
    if (accountId === null || !types.includes(type)) return []
    const ownRegion = typeof inputs['region'] === 'string' ? inputs['region'] : region
    return ownRegion === null ? [] : [{ type, accountId, region: ownRegion, inputs: structuredClone(inputs) }]
  })
}
