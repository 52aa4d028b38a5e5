import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { patternIncludes } from '../../../guardrails/catalogue/action-pattern.ts'
import { coverNames } from '../../../guardrails/catalogue/cover-names.ts'

describe('patterns that cover names', () => {
  it.each<[string[], string[], string[]]>([
    [['DeleteVolume', 'DeleteVpc'], ['DescribeVolumes'], ['DeleteV*']],
    [['DeleteVolume', 'DeleteVpc'], [], ['DeleteV*']],
    [['DeleteVolume'], [], ['DeleteVolume']],
    [[], ['DescribeVolumes'], []],
    [['PutObjectAcl', 'PutObjectTagging'], ['PutObject'], ['PutObjectAcl', 'PutObjectTagging']],
    [['PUT', 'PublishPortal', 'PutPortal'], ['PreviewPortal'], ['PU*']],
    [['Put', 'PutObject', 'PutBucketAcl'], ['Get'], ['Put*']],
    [['connect'], ['Connect2'], ['connect']],
  ])('%j beside %j: %j', (wantedNames, spared, expected) => {
    expect(coverNames(wantedNames, spared)).toEqual(expected)
  })

  it('match each name that is wanted, and none that is spared', () => {
    const names = fc.uniqueArray(
      fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'C'), minLength: 1, maxLength: 7 }),
      {
        selector: (name) => name.toLowerCase(),
        maxLength: 40,
      },
    )
    fc.assert(
      fc.property(names, fc.func(fc.boolean()), (allNames, isWanted) => {
        const wantedNames = allNames.filter((name) => isWanted(name))
        const spared = allNames.filter((name) => !isWanted(name))
        const patterns = coverNames(wantedNames, spared)
        const matches = (name: string) => patterns.some((pattern) => patternIncludes(pattern, name))
        expect(wantedNames.filter((name) => !matches(name))).toEqual([])
        expect(spared.filter(matches)).toEqual([])
      }),
    )
  })
})
