import { describe, expect, it } from 'vitest'
import { catalogue } from '../../guardrails/catalogue.ts'
import { describeDelays } from '../../guardrails/delay-policies.ts'

describe('what is told of delays', () => {
  const report = describeDelays({ volumes: 7, snapshots: 14 })

  it('speaks of every way in which data is lost or becomes unreadable, once', () => {
    const actions = [...Object.keys(report.inForce), ...Object.keys(report.onEachResource), ...report.none]
    expect(actions.sort()).toEqual(
      catalogue
        .filter(({ loss }) => loss === 'data' || loss === 'readability')
        .map(({ action }) => action)
        .sort(),
    )
  })

  it('says what nothing delays', () => {
    expect(report.none).toEqual(
      expect.arrayContaining(['rds:DeleteDBSnapshot', 'kms:RevokeGrant', 'ec2:DetachVolume']),
    )
    expect(report.inForce['ec2:DeleteVolume']).toBe('Recycle Bin, 7 days')
    expect(report.onEachResource['rds:DeleteDBInstance']).toBe('deletion protection')
  })
})
