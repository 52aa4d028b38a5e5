import { expect, test } from 'vitest'
import { WorldClock } from '../../../lab/simulation/clocks.ts'
import { Vault } from '../../../lab/simulation/vault.ts'

test("the vault keeps a version until the lock ends by the vault's clock, whatever the host's clock shows", () => {
  const clock = new WorldClock()
  const vault = new Vault(clock)
  const version = vault.put('key', Buffer.from('body'), 'hash')
  clock.hostOffsetMs = 100 * 86_400_000
  clock.pass(vault.lockDays * 86_400_000 - 1)
  expect(() => vault.deleteVersion(version)).toThrow(expect.objectContaining({ code: 'denied' }))
  clock.pass(1)
  vault.deleteVersion(version)
  expect(vault.versions()).toEqual([])
})

test('versions of a key are listed newest first, with the delete markers, and a turned bit corrupts one version only', () => {
  const vault = new Vault(new WorldClock())
  const old = vault.put('b', Buffer.from('old'), '')
  const marker = vault.put('b', Buffer.alloc(0), '', { isDeleteMarker: true })
  const second = vault.put('a', Buffer.from('old'), '')
  expect(vault.versions()).toEqual([second, marker, old])
  const before = vault.revision
  vault.turnBit(old, 0, 0)
  expect([old.body.toString(), old.pristine.toString(), second.body.toString()]).toEqual([
    'nld',
    'old',
    'old',
  ])
  expect(vault.revision).toBeGreaterThan(before)
})
