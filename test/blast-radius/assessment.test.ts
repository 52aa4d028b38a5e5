import { describe, expect, test } from 'vitest'
import { catalogue } from '../../guardrails/catalogue.ts'
import { assess, lacksSafeguard } from '../../blast-radius/assessment.ts'
import { actionsToAsk } from '../../blast-radius/destructive-actions.ts'
import type { StatedSafeguards } from '../../blast-radius/stated-safeguards.ts'
import type { Permission } from '../../blast-radius/permissions.ts'

const nowMs = Date.parse('2026-04-24T10:00:00Z')
const dayMs = 86_400_000

function permissions(allowed: readonly string[]): Permission[] {
  return actionsToAsk().map((action) => ({
    action,
    allowed: allowed.includes(action),
    resources: allowed.includes(action) ? ['*'] : [],
    conditions: [],
    deniedBy: null,
  }))
}

function state(action: string, otherActions: readonly string[] = [], brakes: StatedSafeguards = {}): unknown {
  const { possible } = assess(permissions([action, ...otherActions]), brakes, nowMs)
  const possibility = possible.find((candidate) => candidate.action === action)!
  return [
    possibility.state,
    lacksSafeguard(possibility),
    possibility.recoverableUntilMs === null ? null : (possibility.recoverableUntilMs - nowMs) / dayMs,
    possibility.takenOffBy,
  ]
}

describe('a destructive action that is allowed', () => {
  test('without a safeguard causes a loss', () => {
    expect(state('ec2:DetachVolume')).toEqual(['none', true, null, []])
  })

  test('with a safeguard that AWS always has in place is recoverable for its minimum days', () => {
    expect(state('kms:ScheduleKeyDeletion')).toEqual(['recoverable', false, 7, []])
  })

  test('with a safeguard that must be set up counts as unguarded until a file states it', () => {
    expect(state('ec2:DeleteVolume')).toEqual(['not-known', true, null, []])
    expect(state('ec2:DeleteVolume', [], { 'ec2:DeleteVolume': { days: 5 } })).toEqual([
      'recoverable',
      false,
      5,
      [],
    ])
    expect(state('ec2:DeleteVolume', [], { 'ec2:DeleteVolume': {} })).toEqual(['recoverable', false, 1, []])
    expect(state('dynamodb:DeleteTable', [], { 'dynamodb:DeleteTable': {} })).toEqual([
      'refused',
      false,
      null,
      [],
    ])
  })

  test('with a safeguard that the same identity can remove is unguarded, unless the safeguard is locked', () => {
    const inPlace = { 'ec2:DeleteVolume': { days: 5 } }
    expect(state('ec2:DeleteVolume', ['rbin:DeleteRule'], inPlace)).toEqual([
      'taken-off',
      true,
      null,
      ['rbin:DeleteRule'],
    ])
    expect(
      state('ec2:DeleteVolume', ['rbin:DeleteRule'], { 'ec2:DeleteVolume': { days: 5, locked: true } }),
    ).toEqual(['recoverable', false, 5, []])
    expect(state('dynamodb:DeleteTable', ['dynamodb:UpdateTable'], { 'dynamodb:DeleteTable': {} })).toEqual([
      'taken-off',
      true,
      null,
      ['dynamodb:UpdateTable'],
    ])
    expect(state('logs:DeleteLogGroup', ['logs:PutLogGroupDeletionProtection'])).toEqual([
      'taken-off',
      true,
      null,
      ['logs:PutLogGroupDeletionProtection'],
    ])
    expect(state('s3:DeleteBucket', ['s3:DeleteObject'])).toEqual([
      'taken-off',
      true,
      null,
      ['s3:DeleteObject'],
    ])
  })
})

describe('the assessment', () => {
  test('has every action of the catalogue, and the members of families', () => {
    const { decided, denied, possible } = assess(permissions([]), {}, nowMs)
    expect([decided, possible]).toEqual([denied, []])
    expect(decided).toBeGreaterThan(catalogue.length)
    expect(actionsToAsk().filter((action) => action.includes('*'))).toEqual([])
    expect(assess(permissions(['iam:AttachUserPolicy']), {}, nowMs).possible).toMatchObject([
      { action: 'iam:AttachUserPolicy', loss: 'identity', state: 'none' },
    ])
  })

  test('without a decision on an action is an error', () => {
    expect(() => assess(permissions([]).slice(1), {}, nowMs)).toThrow('no decision on')
  })
})
