// Refusals of imported components under Pulumi's own engine: the message names the argument or the package to
// change, and nothing reaches AWS after a preview.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { oldestProviderVersion } from '../../../../infra/provider-version.ts'
import { repository, startEngineWorld } from '../../../../lab/deployment/engine-world.ts'
import type { EngineWorld } from '../../../../lab/deployment/engine-world.ts'
import { installBuiltPackage } from '../built-package.ts'

let folder: string
let world: EngineWorld

beforeAll(async () => {
  folder = await installBuiltPackage()
  world = await startEngineWorld()
})
afterAll(() => {
  world.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A project like the example, whose program `change` has edited. */
function projectLike(example: string, name: string, change: (program: string) => string): string {
  const project = join(folder, name)
  cpSync(join(repository, 'examples', example), project, { recursive: true })
  const program = join(project, 'program.ts')
  const text = readFileSync(program, 'utf8')
  const changed = change(text)
  expect(changed).not.toBe(text)
  writeFileSync(program, changed)
  return project
}

/** Gives a project an @pulumi/aws that calls itself `version`, beside the packages that all projects share. */
function installProvider(project: string, version: string): void {
  const shared = join(repository, 'node_modules/@pulumi')
  const packages = join(project, 'node_modules/@pulumi')
  mkdirSync(join(packages, 'aws'), { recursive: true })
  symlinkSync(join(shared, 'pulumi'), join(packages, 'pulumi'))
  for (const entry of readdirSync(join(shared, 'aws')))
    if (entry !== 'package.json') symlinkSync(join(shared, 'aws', entry), join(packages, 'aws', entry))
  const declared = JSON.parse(readFileSync(join(shared, 'aws/package.json'), 'utf8')) as object
  writeFileSync(join(packages, 'aws/package.json'), JSON.stringify({ ...declared, version }))
  cpSync(join(folder, 'node_modules/holdfast'), join(project, 'node_modules/holdfast'), { recursive: true })
}

/** Runs `up` on a new stack, which refuses: the text that the operator sees, and the URNs of created resources. */
async function refusedUp(
  project: string,
  skipPreview: boolean,
): Promise<{ shown: string; created: string[] }> {
  world.provider.calls.length = 0
  const stack = world.stack('refused', project)
  const { error, messages } = await stack.run('up', {}, { skipPreview })
  stack.forget()
  expect(error).not.toBe('')
  return {
    shown: [error, ...messages.map(({ text }) => text)].join('\n'),
    created: world.provider.calls.map(({ resource }) => resource.urn),
  }
}

it.each([
  ['vault-in-a-stack', 'Vault', 'vaultAccountId: Vault vault of this stack already has 111111111111'],
  ['agent-beside-your-roles', 'AgentRole', 'of this stack already has'],
])('refuses a second component of %s', async (example, component, message) => {
  const project = projectLike(example, `twice-${example}`, (program) => {
    const declaration = new RegExp(`  const (\\w+) = (new ${component}\\(\\s*)'[\\w-]+'([^]*?\\n  \\))`).exec(
      program,
    )!
    return program.replace(declaration[0], `${declaration[0]}\n  ${declaration[2]}'second'${declaration[3]}`)
  })
  const previewed = await refusedUp(project, false)
  expect(previewed.shown).toContain(message)
  expect(previewed.created).toEqual([])
  // Without a preview, the engine creates what the program declared before the mistake.
  const blind = await refusedUp(project, true)
  expect(blind.shown).toContain(message)
  expect(blind.shown).toContain('nothing of this component was declared')
  expect(blind.created.length).toBe(new Set(blind.created).size)
  expect(blind.created.filter((urn) => urn.includes('second'))).toEqual([])
})

it('refuses a provider that lacks resources, by its version', async () => {
  const project = projectLike('vault-in-a-stack', 'old-provider', (program) => `${program}\n`)
  installProvider(project, '7.47.9')
  const { shown, created } = await refusedUp(project, false)
  expect(shown).toContain(`Vault vault: @pulumi/aws 7.47.9 is older than ${oldestProviderVersion}`)
  expect(shown).toContain(`HINT: run \`npm install @pulumi/aws@^${oldestProviderVersion}\``)
  expect(shown).not.toContain('arguments')
  expect(created).toEqual([])
})
