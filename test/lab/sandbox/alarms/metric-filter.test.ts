import { expect, it } from 'vitest'
import { writeMetrics } from '../../../../guardrails/write-alarms.ts'
import { createdObjectEvent } from '../../../../lab/sandbox/alarms/created-object.ts'
import { measure } from '../../../../lab/sandbox/alarms/metric-filter.ts'

const { objects, bytes } = writeMetrics('db')
const created = (key: string) => createdObjectEvent({ bucket: 'b', key, bytes: 7 })

it("counts every object and its bytes, of the filter's own source alone", () => {
  for (const key of ['sources/db/manifests/x', 'sources/db/packs/g/x'])
    expect([objects, bytes].map((metric) => measure(metric, created(key)))).toEqual([1, 7])
  for (const key of ['sources/db2/manifests/x', 'receipts/db/x/y', 'x/sources/db/manifests/x'])
    expect([objects, bytes].map((metric) => measure(metric, created(key)))).toEqual([null, null])
})

it('counts no event without the fields', () => {
  expect(measure(bytes, {})).toBeNull()
  expect(measure(bytes, { detail: { object: { key: 'sources/db/x', size: 'many' } } })).toBeNull()
})

it('refuses a pattern that it would read wrong', () => {
  for (const pattern of ['{ $.a = b }', '{ $.a = "*b" }', '{ ($.a = "b") && ($.c = "d") }', 'word'])
    expect(() => measure({ pattern, value: '1' }, {})).toThrow('has another form')
})
