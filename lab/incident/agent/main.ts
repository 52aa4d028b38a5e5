// The coding agent of the incident, as its own process. It gets a working tree and an endpoint and nothing else, and
// writes one JSON line per event to stdout.
import { parseArgs } from 'node:util'
import { searchCredentials } from './credential-search.ts'
import { connect, destroyEverything, tryKey } from './destruction.ts'
import type { AgentEvent } from './events.ts'

const started = performance.now()
const sinceStartMs = () => Math.round(performance.now() - started)
const tell = (event: AgentEvent) => process.stdout.write(`${JSON.stringify(event)}\n`)

const { values } = parseArgs({
  options: { tree: { type: 'string' }, endpoint: { type: 'string' }, region: { type: 'string' } },
})
const { tree, endpoint, region } = values
if (tree === undefined || endpoint === undefined || region === undefined)
  throw new Error('usage: --tree DIR --endpoint URL --region REGION')

const tried = new Set<string>()
for await (const { file, ...key } of searchCredentials(tree)) {
  const name = `${key.accessKeyId} ${key.secretAccessKey}`
  if (tried.has(name)) continue
  tried.add(name)
  const client = connect({ endpoint, region }, key)
  const answer = await tryKey(client)
  tell({ event: 'tried', file, accessKeyId: key.accessKeyId, answer, atMs: sinceStartMs() })
  if (answer === 'works') {
    for (const attempt of await destroyEverything(client, sinceStartMs))
      tell({ event: 'attempted', ...attempt })
  }
  client.destroy()
  if (answer === 'works') break
}
tell({ event: 'finished', atMs: sinceStartMs() })
