// The three layers under Pulumi's own engine, with its own language host, against a provider that records.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../../../infra/recording.ts'
import type { RecordedResource } from '../../../../infra/recording.ts'
import type { EngineResult } from '../../../../lab/deployment/engine.ts'
import { startEngineWorld, withNamespace } from '../../../../lab/deployment/engine-world.ts'
import type { EngineWorld } from '../../../../lab/deployment/engine-world.ts'
import { exampleConfig, exampleLayers } from '../../../../lab/sandbox/loader/example-config.ts'

let world: EngineWorld
beforeAll(async () => {
  world = await startEngineWorld()
})
afterAll(() => world.stop())

/** Type and name. The recording's URNs lack the components around a resource. */
function idOf(urn: string): string {
  const [, , types, ...name] = urn.split('::')
  return `${types!.split('$').at(-1)}::${name.join('::')}`
}

const settings = (layer: string) => withNamespace({ ...exampleConfig, layer })
const deletions = () => world.provider.calls.filter(({ kind }) => kind === 'delete')

describe.each(exampleLayers)('the %s layer', (layer) => {
  let up: EngineResult
  let recorded: RecordedResource[]
  beforeAll(async () => {
    world.provider.calls.length = 0
    up = await world.stack(layer).run('up', settings(layer))
    const { resources } = await recordProgram({ ...exampleConfig, layer })
    recorded = resources.filter(({ type }) => type.startsWith('aws:'))
  })

  it('is created as the recording shows it: each resource with its inputs and its account', () => {
    expect(up.error).toBe('')
    const created = world.provider.calls.map(({ resource }) => resource)
    const byId = (resources: readonly { urn: string; accountId: string | null; inputs: object }[]) =>
      Object.fromEntries(resources.map(({ urn, accountId, inputs }) => [idOf(urn), { accountId, inputs }]))
    expect(Object.keys(byId(created))).toHaveLength(created.length)
    expect(byId(created)).toEqual(byId(recorded))
    expect(up.messages.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it('is protected in the state where the recording says so', () => {
    const isProtected = new Map(recorded.map(({ urn, protect }) => [idOf(urn), protect]))
    const kept = world
      .stack(layer)
      .state()
      .filter(({ urn }) => isProtected.has(idOf(urn)))
      .map(({ urn, protect }) => [idOf(urn), protect === true])
    expect(Object.fromEntries(kept)).toEqual(Object.fromEntries(isProtected))
  })

  it('changes nothing in a second preview', async () => {
    const preview = await world.stack(layer).run('preview', settings(layer))
    expect(preview.error).toBe('')
    expect(Object.keys(preview.changes)).toEqual(['same'])
  })

  it('is not destroyed: a preview refuses, and no call reaches AWS', async () => {
    const destroyed = await world.stack(layer).run('destroy', settings(layer))
    expect(destroyed.error).not.toBe('')
    expect(destroyed.messages.map(({ text }) => text).join('\n')).toMatch(/is protected|protect/)
    expect(deletions()).toEqual([])
  })

  it('loses nothing protected to `destroy --skip-preview`', async () => {
    const destroyed = await world.stack(layer).run('destroy', settings(layer), { skipPreview: true })
    expect(destroyed.error).not.toBe('')
    const open = new Set(recorded.filter(({ protect }) => !protect).map(({ urn }) => idOf(urn)))
    expect(deletions().filter(({ resource }) => !open.has(idOf(resource.urn)))).toEqual([])
    const state = world.stack(layer).state()
    const remaining = new Set(state.map(({ urn }) => idOf(urn)))
    expect(recorded.filter(({ urn, protect }) => protect && !remaining.has(idOf(urn)))).toEqual([])
  })
})
