// `npm run test:postgres -- [--seed N] [--restores N] [--major 15|18]`: a real cluster whose steps a seed decides. It
// commits, rolls back, is crashed, backed up and archived, and comes back as it was at random moments. A log outside of
// the server has each commit with the server's own time. Ends with 1 if one restore has other rows.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../fixtures/manual-clock.ts'
import { makeTestServers } from '../fixtures/postgres-servers.ts'
import { LivingCluster } from './living-cluster.ts'
import { restoreAt } from './restore-at.ts'

const steps = 40

interface Options {
  seed: number
  restores: number
  major: 15 | 18
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      restores: { type: 'string', default: '10' },
      major: { type: 'string', default: '18' },
    },
  })
  const [seed, restores, major] = [values.seed, values.restores, values.major].map(Number)
  if (!Number.isInteger(seed) || !Number.isInteger(restores) || (major !== 15 && major !== 18))
    throw new Error('pass whole numbers, and --major 15 or 18')
  return { seed: seed!, restores: restores!, major }
}

async function run({ seed, restores, major }: Options): Promise<number> {
  const random = seededRandom(seed)
  const servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-test-postgres-')))
  const cluster = await LivingCluster.start(servers, { major, random })
  let [failures, refusals] = [0, 0]
  try {
    for (let step = 0; step < steps; step++) await cluster.takeStep(step === 3)
    await cluster.archive()
    for (let index = 0; index < restores; index++) {
      const time = cluster.randomTime()
      const { ok, text } = await restoreAt(cluster, time, servers)
      if (!ok) failures++
      if (ok && text !== 'as it was') refusals++
      process.stdout.write(`${time}: ${text}\n`)
    }
  } finally {
    await cluster.stop()
    rmSync(servers.directory, { recursive: true, force: true })
  }
  const outcome = failures === 0 ? 'each as it was' : `${failures} not as it was`
  process.stdout.write(
    `PostgreSQL ${major}, seed ${seed}: ${cluster.summary}; ${restores} times, ${refusals} of them refused, ${outcome}\n`,
  )
  return failures
}

process.exitCode = (await run(readOptions())) === 0 ? 0 : 1
