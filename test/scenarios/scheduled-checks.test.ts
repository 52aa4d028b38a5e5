// What the program schedules, run as ECS would run it: the container's own command, credentials from the task's endpoint alone, and
// CloudWatch's filter over what it prints.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadProgram } from '../../sandbox/loader.ts'
import { exampleConfig } from '../../sandbox/example-config.ts'
import { issueWorkloadSession } from '../../sandbox/sts/role-session.ts'
import { makeFolder, runCommand } from '../restore-cli/command-line.ts'
import { startStsCloud } from '../sandbox/sts/cloud.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { CloudDeclaration } from '../../sandbox/declaration.ts'
import type { Outcome } from '../restore-cli/command-line.ts'
import type { StsCloud } from '../sandbox/sts/cloud.ts'

const folder = makeFolder()
const home = makeFolder()
let cloud: StsCloud
let declaration: CloudDeclaration
let resources: RecordedResource[]

beforeAll(async () => {
  ;({ declaration, resources } = await loadProgram({ layers: ['vault'] }))
  cloud = await startStsCloud(declaration)
  mkdirSync(join(folder, 'data'))
  for (let index = 0; index < 20; index++) writeFileSync(join(folder, 'data', `file-${index}`), `content ${index}`.repeat(500))
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf('holdfast-writer-rental-db')
  const backup = await runCommand(['backup', join(folder, 'data'), '--source', 'rental-db', '--bucket', exampleConfig.vaultBucket, '--cache-dir', join(home, 'cache')], {
    env: { ...place(), AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey, AWS_SESSION_TOKEN: Token },
  })
  expect(backup).toMatchObject({ status: 0 })
}, 120_000)

afterAll(() => cloud.stop())

const place = () => ({ HOME: home, AWS_REGION: exampleConfig.region, AWS_ENDPOINT_URL: cloud.sandbox.endpoint })

function sessionOf(roleName: string): { AccessKeyId: string; SecretAccessKey: string; Token: string; Expiration: string } {
  const role = declaration.roles.find(({ name }) => name === roleName)!
  const { credentials } = issueWorkloadSession(cloud.sandbox, role, 'task', cloud.clock.nowMs())
  return {
    AccessKeyId: credentials.accessKeyId, SecretAccessKey: credentials.secretAccessKey, Token: credentials.sessionToken!,
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  }
}

/** The task of a check, as ECS starts it: its role's credentials behind an endpoint, nothing else in the environment. */
async function runTask(name: string): Promise<Outcome> {
  const task = resources.find(({ type, name: called }) => type === 'aws:ecs/taskDefinition:TaskDefinition' && called === name)!
  const [container] = JSON.parse(String(task.inputs['containerDefinitions'])) as [{ entryPoint: string[]; command: string[] }]
  expect(container.entryPoint).toEqual(['holdfast'])
  const roleName = String(task.inputs['taskRoleArn']).split('/').at(-1)!
  const endpoint = createServer((_, reply) => void reply.end(JSON.stringify(sessionOf(roleName)))).listen(0, '127.0.0.1')
  await new Promise((resolve) => endpoint.once('listening', resolve))
  try {
    const uri = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v2/credentials/task`
    return await runCommand(container.command, { env: { ...place(), HOME: '/nonexistent', AWS_CONTAINER_CREDENTIALS_FULL_URI: uri } })
  } finally {
    endpoint.close()
  }
}

/** A filter of CloudWatch Logs, for the comparisons that the program writes. */
function isCounted(name: string, output: string): boolean {
  const filter = resources.find(({ type, name: called }) => type.endsWith(':LogMetricFilter') && called === name)!.inputs['pattern']
  const terms = [...String(filter).matchAll(/\(\$\.(\w+) (?:= "([^"]*)"|IS (TRUE|FALSE))\)/g)]
  expect(terms.length).toBe(4)
  return output.trim().split('\n').some((line) => {
    const record = JSON.parse(line) as Record<string, unknown>
    return terms.every(([, key, text, truth]) => record[key!] === (text ?? truth === 'TRUE'))
  })
}

test.each(['verify', 'read'])('the task that is to %s a source ends well with its own role and nothing else, and is counted as passed, by its own alarm alone', async (check) => {
  const outcome = await runTask(`check-${check}-rental-db`)
  expect(outcome).toMatchObject({ status: 0 })
  const counting = ['verify', 'read'].flatMap((kind) => ['rental-db', 'uploads'].map((source) => `check-${kind}-${source}`)).filter((name) => isCounted(name, outcome.stdout))
  expect(counting).toEqual([`check-${check}-rental-db`])
})

test('the task of a source that was never backed up ends with a status that raises an alarm, and counts for nothing', async () => {
  const outcome = await runTask('check-verify-uploads')
  expect(outcome.status).toBe(5)
  expect(outcome.stdout === '' || !isCounted('check-verify-uploads', outcome.stdout)).toBe(true)
})
