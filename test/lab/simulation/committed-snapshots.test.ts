import { expect, test } from 'vitest'
import { WorldClock } from '../../../lab/simulation/clocks.ts'
import { CommittedSnapshots } from '../../../lab/simulation/committed-snapshots.ts'
import type { Committed, Host } from '../../../lab/simulation/committed-snapshots.ts'
import { Tally } from '../../../lab/simulation/tally.ts'
import type { Vault } from '../../../lab/simulation/vault.ts'
import { Violation } from '../../../lab/simulation/violation.ts'

function after(parent: Committed | null, id: string): Committed {
  return {
    id,
    sha256: id,
    manifest: { parent: parent && { id: parent.id, sha256: parent.sha256 }, supersedes: [] },
  } as unknown as Committed
}

function world(): { committed: CommittedSnapshots; host: Host } {
  return {
    committed: new CommittedSnapshots({
      vault: {} as Vault,
      clock: new WorldClock(),
      tally: new Tally({ operation: [], fault: [] }),
    }),
    host: { chain: [], mayBeginAnew: true } as unknown as Host,
  }
}

// A pass with a short commit is followed by another pass, which may find the cache corrupt.
test('a host whose cache was corrupt may begin a chain anew in any of its passes, but once', () => {
  const { committed, host } = world()
  const first = after(null, 'first')
  committed.link(host, first)
  committed.link(host, after(first, 'second'))
  committed.link(host, after(null, 'anew'))
  expect(host.chain.map(({ id }) => id)).toEqual(['anew'])
  expect(() => committed.link(host, after(null, 'again'))).toThrow(Violation)
})

test('a snapshot that leaves its predecessor out is a fork', () => {
  const { committed, host } = world()
  const first = after(null, 'first')
  committed.link(host, first)
  committed.link(host, after(first, 'second'))
  expect(() => committed.link(host, after(first, 'fork'))).toThrow('follows first, not second')
})
