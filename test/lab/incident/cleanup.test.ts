import { expect, test } from 'vitest'
import { Cleanup } from '../../../lab/incident/cleanup.ts'

test('closes in the reverse order of opening, each one once, and goes on after a failure', async () => {
  const order: string[] = []
  const cleanup = new Cleanup()
  const closing = (name: string) => () => Promise.resolve(void order.push(name))
  cleanup.add('directory', closing('directory'))
  cleanup.add('sandbox', () => Promise.reject(new Error('port is stuck')))
  cleanup.add('cluster', closing('cluster'))
  expect(await cleanup.run()).toEqual(['sandbox: port is stuck'])
  expect(await cleanup.run()).toEqual([])
  expect(order).toEqual(['cluster', 'directory'])
})
