// Every destructive action of the catalogue, allowed on each type of the resources that AWS's reference gives for it.
import { expect, it } from 'vitest'
import { anywhere, findMissed, ownResources } from '../blast-radius/own-resources.ts'

it('no destructive action passes as denied on its own resources', async () => {
  const byResource = Map.groupBy(await ownResources(), ({ type }) => anywhere(type))
  const missed: string[] = []
  for (const [resource, questions] of byResource)
    missed.push(
      ...(await findMissed(
        resource,
        questions.map(({ action }) => action),
      )),
    )
  expect(missed).toEqual([])
  expect(byResource.size).toBeGreaterThan(500)
})
