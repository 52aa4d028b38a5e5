// `npm run sandbox`: serves the embedded cloud on its own, loaded from the Pulumi program, for any S3 client.
//
//   load the declaration; mint a token for each role that trusts an OIDC provider; start the sandbox;
//   print the endpoint, the credentials and the roles; stop on SIGINT or SIGTERM

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { createAuthorizer } from './authorization/authorizer.ts'
import { describeSandbox, registerDevices, renderDescription } from './description.ts'
import { loadDeclaration } from './loader/loader.ts'
import { mintRoleTokens } from './oidc/role-tokens.ts'
import { startSandbox } from './server.ts'
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
  .description(
    'serves an embedded S3, EC2 and STS on loopback, with the buckets, locks, policies and roles that the Pulumi program declares',
  )
  .option('--port <port>', 'port to listen on; 0 takes a free one', parsePort, 0)
  .option(
    '--dir <directory>',
    'where all state is kept, across restarts; a new temporary directory if not given',
  )
  .option('--json', 'print one JSON record instead of a table')
  .action(serve)

async function serve({ port, dir, json }: Options): Promise<void> {
  const declaration = await loadDeclaration()
  const directory = dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-sandbox-')))
  const devices = registerDevices(declaration)
  const identities = await mintRoleTokens(declaration, Date.now)
  const sandbox = await startSandbox({
    directory,
    declaration,
    port,
    authorizer: (live) => createAuthorizer(declaration, live),
    services: [createStsService({ mfaDevices: devices, findIssuer: identities.findIssuer })],
  })
  const description = describeSandbox({ sandbox, declaration, directory, devices, tokens: identities.tokens })
  process.stdout.write(json === true ? `${JSON.stringify(description)}\n` : renderDescription(description))
  await stopSignal()
  await sandbox.stop()
  await identities.stop()
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

await command.parseAsync()
