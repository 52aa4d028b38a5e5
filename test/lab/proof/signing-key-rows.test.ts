import { expect, test } from 'vitest'
import { readConfig } from '../../../infra/config-reader.ts'
import { signingKeyRows } from '../../../lab/proof/signing-key-rows.ts'
import { addByHand, principalsOf } from '../../../lab/proof/principals.ts'
import { answerRow } from '../../../lab/proof/proof.ts'
import { createAuthorizer } from '../../../lab/sandbox/authorization/authorizer.ts'
import { exampleConfig } from '../../../lab/sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../../lab/sandbox/loader/loader.ts'

const nowMs = Date.UTC(2026, 10, 30)

test('notary and checks sign with their own keys, each alone, and use no other key', async () => {
  const declaration = addByHand(await loadDeclaration({ layers: ['vault'] }), nowMs)
  const authorizer = await createAuthorizer(declaration, { nowMs: () => nowMs, region: exampleConfig.region })
  const config = readConfig({ ...exampleConfig, layer: 'vault' }, nowMs)
  const rows = signingKeyRows(config, declaration, principalsOf(declaration, nowMs))
  expect(new Set(rows.map(({ expected }) => expected))).toEqual(new Set(['allowed', 'denied']))
  expect(rows.map(({ who }) => who)).toEqual(
    expect.arrayContaining(['notary', 'vault root', 'custodian', 'drill', 'restorer']),
  )
  const surprises: string[] = []
  for (const row of rows) {
    const { allowed } = await answerRow(authorizer, row)
    if (allowed !== (row.expected === 'allowed'))
      surprises.push(`${row.who}: ${row.actions.join()} on ${row.resource}`)
  }
  expect(surprises).toEqual([])
})
