// All attacks on a bucket, as data: each row is one real, signed request.
import type { Attack } from './attack.ts'
import { configurationAttacks } from './s3-configuration.ts'
import { deletionAttacks } from './s3-deletions.ts'
import { lockAttacks } from './s3-locks.ts'
import { readAttacks } from './s3-reads.ts'
import { writeAttacks } from './s3-writes.ts'

export const s3Attacks: readonly Attack[] = [
  ...readAttacks,
  ...deletionAttacks,
  ...lockAttacks,
  ...writeAttacks,
  ...configurationAttacks,
]
