import { expect, test } from 'vitest'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { renderBackup } from '../../../restore-cli/render/backup-report.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

test('a snapshot with short locks is named, and an attempt without a reply as one that the vault may hold', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'a')
  const result = await source.backup({ promiseDays: 30 })
  const lockedUntilMs = 10 * dayMs
  const shortSnapshots = [
    { id: 'ATTEMPT', timeMs: null, lockedUntilMs },
    { id: 'SNAPSHOT', timeMs: 0, lockedUntilMs },
  ]
  const text = renderBackup(
    { ...result, shortSnapshots },
    { directory: source.directory, vault: 'vault', packsNamed: 0 },
  )
  expect(text).toContain('ATTEMPT, if the vault holds it, is locked until 1970-01-11T00:00:00Z only')
  expect(text).toContain('SNAPSHOT is locked until 1970-01-11T00:00:00Z only')
})
