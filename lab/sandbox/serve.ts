// Starts the sandbox, describes it, and stops it on a signal. Apart from main.ts, because loading the Pulumi program
// takes seconds.
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { readConfigFile } from '../../infra/config-file.ts'
import { createAuthorizer } from './authorization/authorizer.ts'
import { describeSandbox, registerDevices, renderDescription } from './description.ts'
import { loadProgram } from './loader/loader.ts'
import { mintRoleTokens } from './oidc/role-tokens.ts'
import { openPlayground, readSecondFactors, renderPlayground } from './playground.ts'
import { startSandbox } from './server.ts'
import { createStsService } from './sts/service.ts'

export interface ServeOptions {
  port: number
  dir?: string
  json?: boolean
  config?: string
}

export async function serve({ port, dir, json, config }: ServeOptions): Promise<void> {
  const { declaration, outputs } = await loadProgram(
    config === undefined ? {} : { config: readConfigFile(config), isWhole: true },
  )
  const directory = resolve(dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-sandbox-'))))
  await mkdir(directory, { recursive: true })
  const devices = registerDevices(declaration, readSecondFactors(directory))
  const identities = await mintRoleTokens(declaration, Date.now)
  const sandbox = await startSandbox({
    directory,
    declaration,
    port,
    authorizer: (live) => createAuthorizer(declaration, live),
    services: [createStsService({ mfaDevices: devices, findIssuer: identities.findIssuer })],
  })
  const { tokens } = identities
  const playground = openPlayground({ sandbox, declaration, directory, tokens, outputs: outputs.vault ?? {} })
  const description = describeSandbox({ sandbox, declaration, directory, playground, devices, tokens })
  process.stdout.write(
    json === true
      ? `${JSON.stringify(description)}\n`
      : `${renderDescription(description)}${renderPlayground(playground)}`,
  )
  await stopSignal()
  await sandbox.stop()
  await identities.stop()
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
