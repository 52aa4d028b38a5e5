// Attempts on the locks of stored versions: to shorten, loosen, extend or hold them.
import {
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  UpdateObjectEncryptionCommand,
} from '@aws-sdk/client-s3'
import { inDays, versionOf } from './attack.ts'
import type { Attack } from './attack.ts'

interface NewLock {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE'
  readonly days: number
  /** Whether Object Lock alone must refuse the change. */
  readonly stoppedByLock?: true
}

/** Every attempt bypasses governance, because the flag changes nothing for a lock in COMPLIANCE. */
const retain = (name: string, description: string, { mode, days, ...stop }: NewLock): Attack => ({
  name,
  wall: 'locks',
  control: 'governed',
  description,
  ...stop,
  run: ({ s3 }, target) =>
    s3.send(
      new PutObjectRetentionCommand({
        ...versionOf(target),
        BypassGovernanceRetention: true,
        Retention: { Mode: mode, RetainUntilDate: inDays(target, days) },
      }),
    ),
})

const hold = (name: string, description: string, status: 'ON' | 'OFF'): Attack => ({
  name,
  wall: 'locks',
  control: 'governed',
  description,
  run: ({ s3 }, target) =>
    s3.send(new PutObjectLegalHoldCommand({ ...versionOf(target), LegalHold: { Status: status } })),
})

export const lockAttacks: readonly Attack[] = [
  retain('shorten-lock', 'end a lock tomorrow', { mode: 'GOVERNANCE', days: 1, stoppedByLock: true }),
  retain('loosen-lock', 'turn a lock into one that can be bypassed', {
    mode: 'GOVERNANCE',
    days: 3_000,
    stoppedByLock: true,
  }),
  retain('extend-lock', 'lock a version for a hundred years, to raise the bill', {
    mode: 'GOVERNANCE',
    days: 36_500,
  }),
  retain('harden-lock', 'lock a version for a hundred years in COMPLIANCE', {
    mode: 'COMPLIANCE',
    days: 36_500,
  }),
  {
    name: 'drop-lock',
    wall: 'locks',
    control: 'governed',
    description: 'take a lock off, bypassing governance',
    stoppedByLock: true,
    run: ({ s3 }, target) =>
      s3.send(
        new PutObjectRetentionCommand({
          ...versionOf(target),
          BypassGovernanceRetention: true,
          Retention: {},
        }),
      ),
  },
  hold('hold-legally', 'put a legal hold on a version', 'ON'),
  hold('release-legally', 'lift a legal hold', 'OFF'),
  {
    name: 'hold-by-event',
    wall: 'locks',
    control: 'governed',
    description: 'put an event hold on a version, which rolls its lock on without limit',
    run: ({ s3 }, target) =>
      s3.send(
        new PutObjectRetentionCommand({
          ...versionOf(target),
          Retention: { EventHold: 'ON', EventHoldDuration: { Years: 10 } },
        }),
      ),
  },
  {
    name: 'encrypt-anew',
    wall: 'locks',
    control: 'plain',
    description: 'put a version under a key of its own',
    stoppedByLock: true,
    run: ({ s3 }, target) =>
      s3.send(
        new UpdateObjectEncryptionCommand({
          ...versionOf(target),
          ObjectEncryption: { SSEKMS: { KMSKeyArn: target.foreignKeyArn } },
        }),
      ),
  },
]
