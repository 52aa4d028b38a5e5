import { expect, test } from 'vitest'
import { defenceInDepth, guards } from '../../guardrails/guards.ts'
import { loadDeclaration } from '../../lab/sandbox/loader/loader.ts'

test('the guards cover every deny of the program, once, or a reason says why its loss alone changes nothing', async () => {
  const covered = [...guards.flatMap(({ sids }) => sids), ...Object.keys(defenceInDepth)]
  expect(new Set(covered).size).toBe(covered.length)
  expect([...sidsOf(await loadDeclaration(), 'Deny')].sort()).toEqual([...covered].sort())
})

function sidsOf(node: unknown, effect: string): Set<string> {
  if (typeof node !== 'object' || node === null) return new Set()
  const sids = new Set(Object.values(node).flatMap((value) => [...sidsOf(value, effect)]))
  const { Sid, Effect } = node as { Sid?: string; Effect?: string }
  if (Effect === effect && Sid !== undefined) sids.add(Sid)
  return sids
}
