// Both examples under Pulumi's own engine, as their readers run them: programs of their own, with the built package.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repository, startEngineWorld } from '../../../../lab/deployment/engine-world.ts'
import type { EngineWorld } from '../../../../lab/deployment/engine-world.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'holdfast-examples-'))
let world: EngineWorld

beforeAll(async () => {
  const installed = join(folder, 'node_modules/holdfast')
  mkdirSync(join(installed, 'dist'), { recursive: true })
  cpSync(join(repository, 'package.json'), join(installed, 'package.json'))
  await run(
    process.execPath,
    [
      join(repository, 'node_modules/rolldown/bin/cli.mjs'),
      '-c',
      'rolldown.config.ts',
      '--dir',
      join(installed, 'dist'),
    ],
    { cwd: repository },
  )
  symlinkSync(join(repository, 'node_modules/@pulumi'), join(folder, 'node_modules/@pulumi'))
  world = await startEngineWorld()
})
afterAll(() => {
  world.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(['vault-in-a-stack', 'agent-beside-your-roles'])('%s', (example) => {
  it('is created, and a second preview changes nothing', async () => {
    const project = join(folder, example)
    cpSync(join(repository, 'examples', example), project, { recursive: true })
    world.provider.calls.length = 0
    const stack = world.stack(example, project)
    const up = await stack.run('up', {})
    expect(up.error).toBe('')
    expect(world.provider.calls.length).toBeGreaterThan(5)
    const preview = await stack.run('preview', {})
    expect(preview.error).toBe('')
    expect(Object.keys(preview.changes)).toEqual(['same'])
  })
})
