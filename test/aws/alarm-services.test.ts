import { expect, test } from 'vitest'
import { AlarmServices } from '../../aws/alarm-services.ts'
import type { JsonRequest, JsonServices } from '../../aws/json-services.ts'

const region = 'eu-central-1'
const alarm = {
  ActionsEnabled: true,
  AlarmActions: ['arn:topic'],
  EvaluationPeriods: 3,
  ComparisonOperator: 'LessThanThreshold',
}

function servicesWith(response: (request: JsonRequest) => unknown) {
  const requests: JsonRequest[] = []
  const json = {
    ask: (_operation: string, request: JsonRequest) => (
      requests.push(request),
      Promise.resolve(response(request))
    ),
  } as unknown as JsonServices
  return { services: new AlarmServices({}, json), requests }
}

test('an alarm is read by its name, with the values that CloudWatch leaves out', async () => {
  const { services, requests } = servicesWith(() => ({ MetricAlarms: [alarm] }))
  expect(await services.read('alarm', { region, names: { name: 'missed' } })).toEqual({
    isEnabled: true,
    actions: ['arn:topic'],
    okActions: [],
    namespace: null,
    metric: null,
    dimensions: {},
    statistic: null,
    periodSeconds: null,
    periods: 3,
    datapoints: 3,
    comparison: 'LessThanThreshold',
    threshold: null,
    missingData: 'missing',
  })
  expect(requests).toMatchObject([
    {
      service: 'monitoring',
      region,
      target: { name: 'GraniteServiceVersion20100801.DescribeAlarms', version: '1.0' },
      body: { AlarmNames: ['missed'] },
    },
  ])
})

test.each<[string, string, unknown]>([
  ['no alarm', 'alarm', { MetricAlarms: [] }],
  [
    'a filter of a longer name alone',
    'metric filter',
    { metricFilters: [{ filterName: 'x2', metricTransformations: [] }] },
  ],
])('%s is not found', async (_, kind, response) => {
  const { services } = servicesWith(() => response)
  await expect(services.read(kind, { region, names: { name: 'x' } })).rejects.toMatchObject({
    code: 'not-found',
  })
})

test.each<[string, string, unknown]>([
  ['an alarm', 'alarm', {}],
  ['an alarm without its state', 'alarm', { MetricAlarms: [{ ...alarm, ActionsEnabled: undefined }] }],
  ['a filter', 'metric filter', { metricFilters: null }],
  ['a rule', 'rule', { State: 1 }],
  ['a rule whose pattern is no JSON', 'rule', { State: 'ENABLED', EventPattern: '{', Targets: [] }],
  ['a schedule without a target', 'schedule', { ScheduleExpression: 'x', State: 'ENABLED' }],
])(
  'the response about %s that has another form is an error, and never an absent resource',
  async (_, kind, response) => {
    const { services } = servicesWith(() => response)
    await expect(services.read(kind, { region, names: { name: 'x' } })).rejects.toMatchObject({
      code: 'unreachable',
    })
  },
)

test('the name of a schedule is one part of the path', async () => {
  const Target = { Arn: 'arn:cluster', RoleArn: 'arn:role' }
  const { services, requests } = servicesWith(() => ({ ScheduleExpression: 'x', State: 'ENABLED', Target }))
  await services.read('schedule', { region, names: { group: 'checks', name: 'a/../b' } })
  expect(requests).toMatchObject([
    { method: 'GET', path: '/schedules/a%2F..%2Fb', query: { groupName: 'checks' } },
  ])
})
