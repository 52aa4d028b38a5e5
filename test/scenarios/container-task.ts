// A container task, run as ECS would run it: the container's own command, credentials from the task's
// endpoint alone and only if it has a role, and the file systems that it mounts as folders of this machine.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import type { RecordedResource } from '../../infra/recording.ts'
import type { CloudDeclaration } from '../../lab/sandbox/declaration.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { issueWorkloadSession } from '../../lab/sandbox/sts/role-session.ts'
import type { StsCloud } from '../lab/sandbox/sts/cloud.ts'
import { runProcess } from '../restore-cli/command-line.ts'
import type { Outcome } from '../restore-cli/command-line.ts'

export interface TaskWorld {
  cloud: StsCloud
  declaration: CloudDeclaration
  resources: readonly RecordedResource[]
}

export interface TaskOptions {
  /** The state machine adds these to the container's environment. */
  environment?: Record<string, string>
  /** Where paths of the container lie on this machine, by what they begin with. */
  folders?: Readonly<Record<string, string>>
}

interface Container {
  entryPoint: string[]
  command: string[]
  logConfiguration: { options: Record<string, string> }
}

export function containerOf(
  { resources }: TaskWorld,
  family: string,
): { container: Container; roleArn: string | undefined } {
  const task = resources.find(
    ({ type, inputs }) => type === 'aws:ecs/taskDefinition:TaskDefinition' && inputs['family'] === family,
  )!
  const [container, ...furtherContainers] = JSON.parse(
    String(task.inputs['containerDefinitions']),
  ) as Container[]
  expect(furtherContainers).toEqual([])
  return { container: container!, roleArn: task.inputs['taskRoleArn'] as string | undefined }
}

export function sessionOf(
  { cloud, declaration }: TaskWorld,
  roleName: string,
): { AccessKeyId: string; SecretAccessKey: string; Token: string; Expiration: string } {
  const role = declaration.roles.find(({ name }) => name === roleName)!
  const { credentials } = issueWorkloadSession(cloud.sandbox, role, {
    sessionName: 'task',
    nowMs: cloud.clock.nowMs(),
  })
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken!,
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  }
}

export async function runTask(
  world: TaskWorld,
  family: string,
  { environment = {}, folders = {} }: TaskOptions = {},
): Promise<Outcome> {
  const {
    container: { entryPoint, command },
    roleArn,
  } = containerOf(world, family)
  const args = command.map((arg) =>
    Object.entries(folders).reduce((text, [from, to]) => text.replaceAll(from, to), arg),
  )
  const run = (credentials: Record<string, string>) => {
    const env = {
      HOME: '/nonexistent',
      AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
      AWS_REGION: exampleConfig.region,
      AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
      ...environment,
      ...credentials,
    }
    // The wrapper before the program says when the program ended.
    if (entryPoint.at(-1) === 'holdfast') return runProcess(args, { env })
    return runProgram([...entryPoint, ...args], env)
  }
  if (roleArn === undefined) return run({})
  const endpoint = createServer(
    (_, reply) => void reply.end(JSON.stringify(sessionOf(world, roleArn.split('/').at(-1)!))),
  ).listen(0, '127.0.0.1')
  await new Promise((resolve) => endpoint.once('listening', resolve))
  try {
    return await run({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v2/credentials/task`,
    })
  } finally {
    endpoint.close()
  }
}

function runProgram([program, ...args]: string[], env: Record<string, string>): Promise<Outcome> {
  const child = spawn(program!, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, ...output, records: () => [] }))
  })
}

/**
 * Whether what a container has printed ends the alarm of this resource: a filter of CloudWatch Logs counts it, for the
 * comparisons that the program writes, in the dimension that the alarm reads.
 */
export function isCounted({ resources }: TaskWorld, alarm: string, output: string): boolean {
  const named = (type: string, hasName: (resource: RecordedResource) => boolean) =>
    resources.find((resource) => resource.type.endsWith(`:${type}`) && hasName(resource))!.inputs
  const { metricName, dimensions = {} } = named('MetricAlarm', ({ name }) => name === alarm)
  const { pattern, metricTransformation } = named(
    'LogMetricFilter',
    ({ inputs }) => inputs['name'] === metricName,
  )
  const { dimensions: paths = {} } = metricTransformation as { dimensions?: Record<string, string> }
  const comparisons = String(pattern)
    .replace(/^\{ | \}$/g, '')
    .split(' && ')
  const terms = comparisons.map((text) =>
    /^\(\$\.(\w+)(?:\[(\d)\])? (?:= "([^"]*)"|IS (TRUE|FALSE))\)$/.exec(text)!,
  )
  return output
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .some((line) => {
      const record = JSON.parse(line) as Record<string, unknown>
      const valueAt = (key: string, index?: string) =>
        index === undefined ? record[key] : (record[key] as unknown[] | undefined)?.[Number(index)]
      return (
        terms.every(([, key, index, text, isTrue]) => valueAt(key!, index) === (text ?? isTrue === 'TRUE')) &&
        Object.entries(paths).every(
          ([name, path]) => record[path.slice(2)] === (dimensions as Record<string, unknown>)[name],
        )
      )
    })
}
