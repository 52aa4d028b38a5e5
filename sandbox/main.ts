// `npm run sandbox`: serves the embedded cloud alone, loaded from the Pulumi program, for any S3 client to be pointed at.

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { createAuthorizer } from './authorization/authorizer.ts'
import type { CloudDeclaration } from './declaration.ts'
import { loadDeclaration } from './loader.ts'
import { startSandbox } from './server.ts'
import type { Sandbox } from './server.ts'
import { createStsService } from './sts/service.ts'

interface Options {
  port: number
  dir?: string
  json?: boolean
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError('a port is a number from 0 to 65535')
  return port
}

const command = new Command('sandbox')
  .description('serves an embedded S3, EC2 and STS on loopback, with the buckets, locks, policies and roles that the Pulumi program declares')
  .option('--port <port>', 'port to listen on; 0 takes a free one', parsePort, 0)
  .option('--dir <directory>', 'where all state is kept, across restarts; a new temporary directory if not given')
  .option('--json', 'print one JSON record instead of a table')
  .action(serve)

async function serve({ port, dir, json }: Options): Promise<void> {
  const declaration = await loadDeclaration()
  const directory = dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-sandbox-')))
  const sandbox = await startSandbox({
    directory,
    declaration,
    port,
    authorizer: (live) => createAuthorizer(declaration, live),
    services: [createStsService()],
  })
  const description = describe(sandbox, declaration, directory)
  process.stdout.write(json === true ? `${JSON.stringify(description)}\n` : renderDescription(description))
  await stopSignal()
  await sandbox.stop()
}

/** What a client needs to know. The secrets open nothing but this directory's sandbox. */
function describe(sandbox: Sandbox, declaration: CloudDeclaration, directory: string) {
  return {
    endpoint: sandbox.endpoint,
    directory,
    accounts: declaration.accounts.map(({ id, name }) => {
      const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(id)
      return { id, name, rootCredentials: { accessKeyId, secretAccessKey } }
    }),
    buckets: declaration.buckets.map(({ name, accountId, region, objectLock }) => ({ name, accountId, region, objectLock })),
    roles: declaration.roles.map(({ arn, accountId, maxSessionSeconds }) => ({ arn, accountId, maxSessionSeconds })),
    notEmulated: declaration.notEmulated,
  }
}

function renderDescription(description: ReturnType<typeof describe>): string {
  const { endpoint, directory, accounts, buckets, roles, notEmulated } = description
  const lines = [`endpoint   ${endpoint}`, `directory  ${directory}`, '', 'accounts, with the keys of their roots']
  for (const { id, name, rootCredentials } of accounts) {
    lines.push(`  ${id}  ${name.padEnd(14)} AWS_ACCESS_KEY_ID=${rootCredentials.accessKeyId} AWS_SECRET_ACCESS_KEY=${rootCredentials.secretAccessKey}`)
  }
  lines.push('', 'buckets')
  for (const { name, accountId, region, objectLock } of buckets) {
    const rule = objectLock.default
    lines.push(`  ${accountId}  ${region}  ${name}  ${objectLock.enabled ? (rule === null ? 'lockable' : `${rule.mode}, ${rule.days} days`) : 'not lockable'}`)
  }
  lines.push('', 'roles, for AssumeRole at the same endpoint')
  for (const { arn } of roles) lines.push(`  ${arn}`)
  if (notEmulated.length > 0) lines.push('', 'declared, but not emulated here')
  for (const { type, name, account } of notEmulated) lines.push(`  ${account}  ${type}  ${name}`)
  return `${lines.join('\n')}\n\nSIGINT or SIGTERM stops it.\n`
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

await command.parseAsync()
