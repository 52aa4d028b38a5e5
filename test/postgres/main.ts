// `npm run test:postgres -- [--seed N] [--restores N] [--major 15|18] [--way push|stream]`: a real cluster whose
// steps a seed decides. It commits, rolls back, changes tables, crashes, is promoted, loses its vault for a time,
// is backed up, and its WAL is pushed (even seeds) or streamed (odd ones) by commands that are killed. It comes
// back as it was at random moments. A log outside of the server has each commit with the server's own time. Ends
// with 1 if one restore has other rows.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../fixtures/manual-clock.ts'
import { makeTestServers } from '../fixtures/postgres-servers.ts'
import { FlakyVault } from './flaky-vault.ts'
import { LivingCluster } from './living-cluster.ts'
import type { Way } from './living-cluster.ts'
import { restoreAt } from './restore-at.ts'

const steps = 40

interface Options {
  seed: number
  restores: number
  major: 15 | 18
  way: Way
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      restores: { type: 'string', default: '10' },
      major: { type: 'string', default: '18' },
      way: { type: 'string' },
    },
  })
  const [seed, restores, major] = [values.seed, values.restores, values.major].map(Number)
  if (!Number.isInteger(seed) || !Number.isInteger(restores) || (major !== 15 && major !== 18))
    throw new Error('pass whole numbers, and --major 15 or 18')
  const way = values.way ?? (seed! % 2 === 0 ? 'push' : 'stream')
  if (way !== 'push' && way !== 'stream') throw new Error('pass --way push or stream')
  return { seed: seed!, restores: restores!, major, way }
}

async function run({ seed, restores, major, way }: Options): Promise<number> {
  const random = seededRandom(seed)
  const servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-test-postgres-')))
  const vault = await FlakyVault.start(join(servers.directory, 'vault'))
  process.once('exit', () => rmSync(servers.directory, { recursive: true, force: true }))
  const cluster = await LivingCluster.start(servers, { major, way, random, vault })
  const store = vault.open()
  let [failures, refusals] = [0, 0]
  try {
    for (let step = 0; step < steps; step++) await cluster.takeStep(step === 3)
    await cluster.settle()
    for (let index = 0; index < restores; index++) {
      const time = cluster.randomTime()
      const { ok, text } = await restoreAt(cluster, time, { servers, store })
      if (!ok) failures++
      if (ok && text !== 'as it was') refusals++
      process.stdout.write(`${time}: ${text}\n`)
    }
  } finally {
    await cluster.stop()
    store.close()
    await vault.stop()
  }
  const outcome = failures === 0 ? 'each as it was' : `${failures} not as it was`
  process.stdout.write(
    `PostgreSQL ${major}, ${way}, seed ${seed}: ${cluster.summary}; ${restores} times, ${refusals} of them refused, ${outcome}\n`,
  )
  return failures
}

process.exitCode = (await run(readOptions())) === 0 ? 0 : 1
