// The attacks that are evaluated, against AWS's own reference of its actions.
import { expect, test } from 'vitest'
import { evaluatedAttacks } from '../../../../lab/incident/attack/evaluated-attacks.ts'
import { findShape } from '../../../../lab/sandbox/authorization/service-reference.ts'

test('each evaluated attack names an action that AWS has, on a resource that the action takes', async () => {
  const attacks = await evaluatedAttacks({
    region: 'eu-central-1',
    vaultAccount: '444444444444',
    productionAccount: '111111111111',
    vaultBucket: 'vault',
  })
  expect(attacks.length).toBeGreaterThan(100)
  const unknown = await Promise.all(
    attacks.map(async ({ action, resource }) => {
      try {
        await findShape(action, resource)
        return []
      } catch (error) {
        return [String(error)]
      }
    }),
  )
  expect(unknown.flat()).toEqual([])
})
