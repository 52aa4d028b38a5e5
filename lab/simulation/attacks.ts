// What happens to a vault that nobody in it wants: thieves with a writer's or an administrator's credentials, bytes that
// turn where they lie, and the end of locks. None of it may change what a promised snapshot brings back.
import { sha256Hex } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { manifestKey, packKey, parseManifestKey } from '../../core/store/vault-keys.ts'
import type { StoredVersion } from './vault.ts'
import { Violation, dayMs, sourceName } from './world.ts'
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
  else if (kind === 'delete marker') vault.put(victim.key, Buffer.alloc(0), '', true)
  else if (kind === 'overlay') {
    // A bucket that enforces If-None-Match lets one through that comes after a delete marker.
    if (random.chance(0.5)) vault.put(victim.key, Buffer.alloc(0), '', true)
    put(
      world,
      victim.key,
      random.chance(0.5) ? random.bytes(victim.body.length) : random.pick(versions).pristine,
    )
  } else deleteAll(world)
}

/** Manifests and packs alike, though there are more packs. */
function pickVictim({ random }: World, versions: readonly StoredVersion[]): StoredVersion {
  const manifests = versions.filter(({ key }) => parseManifestKey(key) !== null)
  return random.pick(manifests.length > 0 && random.chance(0.4) ? manifests : versions)
}

function put({ vault }: World, key: string, body: Buffer): void {
  vault.put(key, body, sha256Hex(body))
}

function newUlid({ random, clock }: World): string {
  let time = clock.nowMs() + random.below(1000)
  let text = ''
  for (let digit = 0; digit < 10; digit++, time = Math.floor(time / 32)) text = ulidLetters[time % 32]! + text
  return text + Array.from({ length: 16 }, () => random.pick([...ulidLetters])).join('')
}

/** Whatever is locked stays. */
function deleteAll(world: World): void {
  for (const version of world.vault.versions()) {
    try {
      world.vault.deleteVersion(version)
    } catch (error) {
      if (!isHoldfastError(error, 'denied')) throw error
      world.tally.count('check', 'deletion refused')
      continue
    }
    if (!version.isDeleteMarker && version.lockedUntilMs > world.clock.serverMs)
      throw new Violation(`${version.key} was deleted, and it is locked`)
  }
}

/** Time passes until some locks have run out, and somebody deletes all that they held. */
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

/** A bit turns where it lies, in something that a promised snapshot needs. */
export function spoil(world: World): void {
  const { random, vault } = world
  const needed = world.committed
    .filter((snapshot) => world.isPromised(snapshot))
    .flatMap((snapshot) => [snapshot, ...snapshot.manifest.packs])
  if (needed.length === 0) return
  // Rather a large one: data, not what describes it.
  const version = [random.pick(needed), random.pick(needed)]
    .map((ref) => vault.find(ref)!)
    .reduce((left, right) => (left.body.length > right.body.length ? left : right))
  const offset = random.below(version.body.length)
  vault.turnBit(version, offset, random.below(8))
  world.log.push(`byte ${offset} of ${version.key}`)
}
