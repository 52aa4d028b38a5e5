// A destructive action that a policy allows on a pattern of its own resources never counts as denied.
// test/scenarios/blast-radius.test.ts asks about all of them.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { exampleOf, overlaps } from '../../blast-radius/resource-types.ts'
import { matches } from '../../blast-radius/statements.ts'
import { anywhere, findMissed, ownResources } from './own-resources.ts'
import type { OwnResource } from './own-resources.ts'

let questions: OwnResource[]
beforeAll(async () => {
  questions = await ownResources()
})

const anyQuestion = () => fc.nat().map((index) => questions[index % questions.length]!)

/** A pattern that matches the ARN: some spans of it became `*`, and some characters `?`. */
function anyPatternOf(arn: string): fc.Arbitrary<string> {
  const cut = fc.tuple(fc.nat(arn.length), fc.nat(12), fc.constantFrom('*', '?'))
  return fc.array(cut, { maxLength: 3 }).map((cuts) =>
    cuts.reduce((pattern, [at, length, wildcard]) => {
      const end = wildcard === '*' ? at + length : at + 1
      return at < pattern.length ? `${pattern.slice(0, at)}${wildcard}${pattern.slice(end)}` : pattern
    }, arn),
  )
}

describe('a policy that allows a destructive action', () => {
  it('on a type of its resources, anywhere, makes it possible', async () => {
    await fc.assert(
      fc.asyncProperty(anyQuestion(), async ({ action, type }) => {
        expect(await findMissed(anywhere(type), [action])).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  it('on any pattern of one of its resources makes it possible', async () => {
    const anyPattern = anyQuestion().chain(({ action, type }) => {
      const arn = type === '*' ? type : exampleOf(anywhere(type), type)!
      return anyPatternOf(arn).map((pattern) => ({ action, arn, pattern }))
    })
    await fc.assert(
      fc.asyncProperty(anyPattern, async ({ action, arn, pattern }) => {
        // IAM refuses a resource that doesn't begin as an ARN does.
        fc.pre(/^(\*$|arn:)/.test(pattern) && matches(pattern, arn))
        expect(await findMissed(pattern, [action])).toEqual([])
      }),
      { numRuns: 100 },
    )
  })
})

it.each([
  ['rds:DeleteDBInstanceAutomatedBackup', 'arn:*rds:x0example:x0example:auto-backup:x0example'],
  ['lambda:PutFunctionScalingConfig', 'arn:aws:lambda:x0example:x0e*function:x0example'],
])('a star that takes the place of a colon makes %s possible', async (action, pattern) => {
  expect(await findMissed(pattern, [action])).toEqual([])
})

it('every pattern with a star in the place of a field overlaps its own type, and an example fits both', () => {
  for (const type of new Set(questions.map((question) => question.type))) {
    expect([type, overlaps(anywhere(type), type)]).toEqual([type, true])
    expect([type, exampleOf(type, type)]).not.toEqual([type, null])
  }
})
