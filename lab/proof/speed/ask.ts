// Asks the authorizer of one build every question of a file, once, and prints how long that took. main.ts starts it.
//
//   node lab/proof/speed/ask.ts CHECKOUT FILE
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deserialize } from 'node:v8'
import type { createAuthorizer as CreateAuthorizer } from '../../sandbox/authorization/authorizer.ts'
import type { Answers, Questions } from './questions.ts'

const [checkout = '', file = ''] = process.argv.slice(2)
// Earlier builds have the sandbox at the top.
const path = ['lab/sandbox', 'sandbox']
  .map((folder) => join(checkout, folder, 'authorization/authorizer.ts'))
  .find(existsSync)
if (path === undefined) throw new Error(`${checkout} has no authorizer`)

const { declaration, requests, nowMs, region } = deserialize(readFileSync(file)) as Questions
const { createAuthorizer } = (await import(pathToFileURL(path).href)) as {
  createAuthorizer: typeof CreateAuthorizer
}
const authorizer = await createAuthorizer(declaration, { nowMs: () => nowMs, region })
const answers: Answers = { allowed: [], refused: [], seconds: 0, cpuSeconds: 0 }
const [startMs, startCpu] = [performance.now(), process.cpuUsage()]
for (const [index, request] of requests.entries()) {
  try {
    if ((await authorizer.authorize(request)).allowed) answers.allowed.push(index)
  } catch {
    answers.refused.push(index)
  }
}
const { user, system } = process.cpuUsage(startCpu)
answers.seconds = (performance.now() - startMs) / 1000
answers.cpuSeconds = (user + system) / 1e6
process.stdout.write(JSON.stringify(answers))
