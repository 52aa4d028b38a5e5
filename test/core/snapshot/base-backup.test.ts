import { describe, expect, test } from 'vitest'
import { baseBackupSchema, parseBackupLabel } from '../../../core/snapshot/base-backup.ts'
import type { BaseBackup } from '../../../core/snapshot/base-backup.ts'
import * as limits from '../../../core/limits.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'

const { backupLabel } = handmadeBase()

describe('the record of a base', () => {
  test('is read as it was written, also one of a standby', () => {
    for (const changes of [{}, { minRecoveryLsn: '0000000002000100' }, { tablespaces: [] }]) {
      const base = handmadeBase(changes)
      expect(baseBackupSchema.parse(base)).toEqual(base)
    }
  })

  test.each<[string, Partial<BaseBackup>]>([
    ['a system id beyond 64 bits', { systemId: String(2n ** 64n) }],
    ['a system id with a leading zero', { systemId: '07578012345678901234' }],
    ['timeline 0', { timeline: 0 }],
    ['a position in lower case', { stopLsn: '000000000200012a' }],
    ['an end before its begin', { stopLsn: '0000000002000000' }],
    ['an end at its begin', { stopLsn: '0000000002000028' }],
    ['a begin other than its label has', { startLsn: '0000000002000030' }],
    ['a timeline other than its label has', { timeline: 2 }],
    ['a time before 2000', { stopTime: '-1' }],
    ['segments of 3 MiB', { segmentBytes: 3 * 2 ** 20 }],
    ['segments of 2 GiB', { segmentBytes: 2 ** 31 }],
    ['a label with CR', { backupLabel: backupLabel.replaceAll('\n', '\r\n') }],
    ['a label without its last line break', { backupLabel: backupLabel.trimEnd() }],
    ['a label that names its begin twice', { backupLabel: backupLabel + backupLabel }],
    [
      'a label longer than any',
      { backupLabel: `LABEL: ${'x'.repeat(limits.maxBackupLabelBytes)}\n${backupLabel}` },
    ],
    ['a tablespace twice', { tablespaces: [1, 1].map((oid) => ({ oid, location: '/a' })) }],
    ['a tablespace at a location with NUL', { tablespaces: [{ oid: 1, location: '/a\0b' }] }],
    [
      'too many tablespaces',
      {
        tablespaces: Array.from({ length: limits.maxTablespaces + 1 }, (_, oid) => ({
          oid: oid + 1,
          location: '/a',
        })),
      },
    ],
  ])('with %s is refused', (_, changes) => {
    expect(baseBackupSchema.safeParse(handmadeBase(changes)).success).toBe(false)
  })
})

test('a label gives where recovery begins, and from which server', () => {
  expect(parseBackupLabel(backupLabel)).toEqual({
    startLsn: '0000000002000028',
    timeline: 1,
    isFromStandby: false,
  })
  expect(parseBackupLabel(backupLabel.replace('FROM: primary', 'FROM: standby'))?.isFromStandby).toBe(true)
  expect(parseBackupLabel(backupLabel.replace('0/2000028', '1A/F0'))?.startLsn).toBe('0000001A000000F0')
  expect(parseBackupLabel('')).toBeNull()
})
