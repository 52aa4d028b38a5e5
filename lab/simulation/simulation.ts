// Runs one seed, from an empty vault to the last operation. The seed decides every operation, fault and time.
import * as fs from 'node:fs'
import { crashPoints, faultKinds } from './host-process.ts'
import { checkInvariants } from './invariants.ts'
import { mutate } from './mutations.ts'
import { operationNames, operations, storeFaults, weights } from './operations.ts'
import { poolBuffers } from './pack-buffers.ts'
import { plantedBugs } from './planted-bugs.ts'
import { Tally } from './tally.ts'
import { World } from './world.ts'

const maxSteps = 12
const minSteps = 5

export interface Failure {
  seed: number
  problem: string
  /** The events before the failure. */
  log: string[]
}

export function newTally(): Tally {
  return new Tally({ operation: operationNames, fault: [...faultKinds, ...crashPoints, ...storeFaults] })
}

/**
 * Runs in the current directory, which must be empty and is empty afterwards. @param bugName a key of `plantedBugs`.
 */
export async function runSeed(seed: number, bugName: string | null, tally: Tally): Promise<Failure | null> {
  poolBuffers()
  const world = new World(seed, tally, bugName === null ? null : plantedBugs[bugName]!)
  const { random, log } = world
  try {
    for (let count = 3 + random.below(6); count > 0; count--) mutate(world.tree, random)
    const steps = minSteps + random.below(maxSteps - minSteps + 1)
    for (let step = 1; step <= steps; step++) {
      // Sometimes two steps fall into the same second.
      if (random.chance(0.7)) world.clock.pass(random.below(2 * 3_600_000))
      const name = step === 1 ? 'backup' : random.weigh(weights)
      log.push(`${step}. ${name}`)
      tally.count('operation', name)
      await operations[name].run(world)
      await checkInvariants(world, step === steps)
    }
    return null
  } catch (error) {
    return { seed, problem: error instanceof Error ? (error.stack ?? error.message) : String(error), log }
  } finally {
    for (const name of fs.readdirSync('.')) fs.rmSync(name, { recursive: true, force: true })
  }
}
