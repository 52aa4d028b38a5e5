// One seed, from an empty vault to its last step: everything that happens in it is decided by the seed.
import * as fs from 'node:fs'
import { crashPlaces, faultKinds } from './host-process.ts'
import { checkInvariants } from './invariants.ts'
import { mutate } from './mutations.ts'
import { operationNames, operations, weights } from './operations.ts'
import { reuseMemory } from './pack-buffers.ts'
import { plants } from './planted-bugs.ts'
import { Tally } from './tally.ts'
import { World } from './world.ts'

const mostSteps = 12
const fewestSteps = 5

export interface Failure {
  seed: number
  what: string
  /** What happened up to then. */
  log: string[]
}

export function newTally(): Tally {
  return new Tally({ operation: operationNames, fault: [...faultKinds, ...crashPlaces] })
}

/** In the current directory, which is empty before and after. @param plantName of `plants`. */
export async function runSeed(seed: number, plantName: string | null, tally: Tally): Promise<Failure | null> {
  reuseMemory()
  const world = new World(seed, tally, plantName === null ? null : plants[plantName]!)
  const { random, log } = world
  try {
    for (let count = 3 + random.below(6); count > 0; count--) mutate(world.tree, random)
    const steps = fewestSteps + random.below(mostSteps - fewestSteps + 1)
    for (let step = 1; step <= steps; step++) {
      // Sometimes the next step comes in the same second.
      if (random.chance(0.7)) world.clock.pass(random.below(2 * 3_600_000))
      const name = step === 1 ? 'backup' : random.weigh(weights)
      log.push(`${step}. ${name}`)
      tally.count('operation', name)
      await operations[name].run(world)
      await checkInvariants(world, step === steps)
    }
    return null
  } catch (error) {
    return { seed, what: error instanceof Error ? (error.stack ?? error.message) : String(error), log }
  } finally {
    for (const name of fs.readdirSync('.')) fs.rmSync(name, { recursive: true, force: true })
  }
}
