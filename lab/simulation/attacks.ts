// Attacks on a vault: an intruder with a writer's or an administrator's credentials, bits that turn in stored
// objects, and locks that end. No attack may change the content that a restore of a snapshot with guaranteed
// retention brings back.
import { sha256Hex } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { manifestKey, packKey, parseManifestKey } from '../../core/store/vault-keys.ts'
import type { StoredVersion } from './vault.ts'
import { objectsOf } from './committed-snapshots.ts'
import { sourceName } from './source-tree.ts'
import { dayMs } from './vault.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

const attacks = {
  'delete marker': 3,
  overlay: 3,
  'garbage manifest': 2,
  'manifest under another name': 1,
  'garbage pack': 1,
  'delete what is locked': 2,
} as const

const ulidLetters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export function attack(world: World): void {
  const { random, vault } = world
  const versions = vault.versions().filter(({ isDeleteMarker }) => !isDeleteMarker)
  const kind = random.weigh<keyof typeof attacks>(attacks)
  world.log.push(kind)
  if (kind === 'garbage pack')
    return void put(
      world,
      packKey(sourceName, '20260101T000000Z-compliance-40d', newUlid(world), '0'.repeat(64)),
      random.bytes(100),
    )
  if (kind === 'garbage manifest')
    return void put(world, manifestKey(sourceName, newUlid(world)), random.bytes(random.below(300)))
  if (versions.length === 0) return
  const victim = pickVictim(world, versions)
  if (kind === 'manifest under another name')
    put(world, manifestKey(sourceName, newUlid(world)), victim.pristine)
  else if (kind === 'delete marker') hide(world, victim)
  else if (kind === 'overlay') {
    // A bucket that enforces If-None-Match accepts an overlay after a delete marker.
    if (random.chance(0.5)) hide(world, victim)
    put(
      world,
      victim.key,
      random.chance(0.5) ? random.bytes(victim.body.length) : random.pick(versions).pristine,
    )
  } else deleteAll(world)
}

/** Picks a manifest in 40 % of the cases, because a vault holds many more packs than manifests. */
function pickVictim({ random }: World, versions: readonly StoredVersion[]): StoredVersion {
  const manifests = versions.filter(({ key }) => parseManifestKey(key) !== null)
  return random.pick(manifests.length > 0 && random.chance(0.4) ? manifests : versions)
}

function put({ vault }: World, key: string, body: Buffer): void {
  vault.put(key, body, sha256Hex(body))
}

function hide({ vault }: World, { key }: StoredVersion): void {
  vault.put(key, Buffer.alloc(0), '', { isDeleteMarker: true })
}

export function newUlid({ random, clock }: World): string {
  let time = clock.nowMs() + random.below(1000)
  let text = ''
  for (let digit = 0; digit < 10; digit++, time = Math.floor(time / 32)) text = ulidLetters[time % 32]! + text
  return text + Array.from({ length: 16 }, () => random.pick([...ulidLetters])).join('')
}

/** An intruder deletes every version; the vault must refuse for each locked one. */
export function deleteAll(world: World): void {
  for (const version of world.vault.versions()) {
    try {
      world.vault.deleteVersion(version)
    } catch (error) {
      if (!isHoldfastError(error, 'denied')) throw error
      world.tally.count('check', 'deletion refused')
      continue
    }
    if (!version.isDeleteMarker && version.lockedUntilMs > world.clock.serverMs)
      throw new Violation(`${version.key} was deleted while it was locked`)
  }
}

/** Time passes until some locks have run out; then an intruder deletes every version without a lock. */
export function expire(world: World): void {
  const { random, clock, vault } = world
  const locked = vault.versions().filter(({ lockedUntilMs }) => lockedUntilMs > clock.serverMs)
  const toMs =
    locked.length > 0 && random.chance(0.6)
      ? random.pick(locked).lockedUntilMs + random.pick([-1000, 0, 1000])
      : clock.serverMs + random.below(45) * dayMs
  clock.pass(Math.max(0, toMs - clock.serverMs))
  world.log.push(`it is ${new Date(clock.serverMs).toISOString()}`)
  deleteAll(world)
}

/** One bit turns in a stored object of a snapshot with guaranteed retention. */
export function corrupt(world: World): void {
  const { random, vault } = world
  const neededVersions = world.snapshots.list
    .filter((snapshot) => world.snapshots.isGuaranteed(snapshot))
    .flatMap((snapshot) => [...objectsOf(snapshot)])
  if (neededVersions.length === 0) return
  // The larger of two draws, because data is larger than metadata.
  const version = [random.pick(neededVersions), random.pick(neededVersions)]
    .map((ref) => vault.find(ref)!)
    .reduce((first, second) => (first.body.length > second.body.length ? first : second))
  const offset = random.below(version.body.length)
  vault.turnBit(version, offset, random.below(8))
  world.log.push(`byte ${offset} of ${version.key}`)
}
