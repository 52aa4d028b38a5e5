// Both examples under Pulumi's own engine, as their readers run them: programs of their own, with the built package.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
