// The README's figures of the drill, counted where they come from.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ec2Attacks } from '../lab/incident/attack/ec2-attacks.ts'
import { evaluatedAttacks } from '../lab/incident/attack/evaluated-attacks.ts'
import { s3Attacks } from '../lab/incident/attack/s3-attacks.ts'
import { stsAttacks } from '../lab/incident/attack/sts-attacks.ts'
import { claimSentences } from '../lab/incident/claims.ts'
import { liveGuards } from '../lab/incident/live-guards.ts'
import { nightGuards } from '../lab/incident/nights/night-guards.ts'
import { guards } from '../guardrails/guards.ts'
import { loadDeclaration } from '../lab/sandbox/loader/loader.ts'

const countNames = (attacks: readonly { name: string }[]): number =>
  new Set(attacks.map(({ name }) => name)).size

test('the README says how many attacks, guards and claims a drill has', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const figureIn = (row: RegExp): number => Number(row.exec(readme)?.[1])
  const folders = {
    region: 'eu-central-1',
    vaultAccount: '111111111111',
    productionAccount: '222222222222',
    vaultBucket: 'vault',
  }
  expect({
    sent: figureIn(/^\| attacks \| (\d+) as signed requests/m),
    evaluated: figureIn(/^\| attacks \|.* (\d+) evaluated/m),
    guards: figureIn(/^\| guards \| (\d+)/m),
    nightGuards: figureIn(/^\| guards \|.* (\d+) of the nightly/m),
    liveGuards: figureIn(/^\| guards \|.* (\d+) of the database/m),
    claims: figureIn(/^\| claims \| (\d+)/m),
  }).toEqual({
    sent: countNames([...s3Attacks, ...ec2Attacks, ...stsAttacks(await loadDeclaration())]),
    evaluated: countNames(await evaluatedAttacks(folders)),
    guards: guards.length,
    nightGuards: nightGuards.length,
    liveGuards: liveGuards.length,
    claims: Object.keys(claimSentences).length,
  })
})
