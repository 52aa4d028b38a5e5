import { expect, test } from 'vitest'
import { attackTotals } from '../../../../lab/incident/attack/totals.ts'

const record = (attacker: string, fields: Partial<Parameters<typeof attackTotals>[0][number]> = {}) => ({
  who: attacker,
  method: 'request' as const,
  outcome: 'refused' as const,
  duty: null,
  ...fields,
})

test('attempts are counted apart from duties, and identities once for each way', () => {
  expect(
    attackTotals([
      record('a'),
      record('a', { method: 'evaluation' }),
      record('a → b', { outcome: 'allowed' }),
      record('a → b', { outcome: 'unclear' }),
      record('c', { duty: 'it may', outcome: 'allowed' }),
    ]),
  ).toEqual({ identities: 2, attempts: 4, sent: 3, evaluated: 1, refused: 2, allowed: 1, duties: 1 })
})
