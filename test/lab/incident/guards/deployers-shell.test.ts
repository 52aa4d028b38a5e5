import { expect, it } from 'vitest'
import { consequences } from '../../../../lab/incident/guards/consequences.ts'
import { examineDeployersShell } from '../../../../lab/incident/guards/deployers-shell.ts'
import { removeGuard } from '../../../../lab/incident/guards/guard-removal.ts'
import { loadExample } from '../../../../lab/sandbox/loader/loader.ts'

const nowMs = Date.parse('2026-04-24T12:00:00Z')
const claim = 'deployers-shell-tears-nothing-down'

it("a shell with the deployer's credentials can delete nothing that the promise needs", async () => {
  const { findings, evidence } = await examineDeployersShell(await loadExample(), null, nowMs)
  expect(findings).toEqual([])
  expect(evidence).toMatch(
    /^[6-9]\d deletions, each evaluated in two clouds, and 3 of AWS Backup's copies in one$/,
  )
})

const removable = Object.keys(consequences).filter(
  (guard) => consequences[guard]!.includes(claim) && guard !== 'separate-account',
)

it.each(removable)('without the guard %s it can', async (guard) => {
  const { findings } = await examineDeployersShell(removeGuard(await loadExample(), guard), guard, nowMs)
  // AWS Backup copies between accounts only within an Organization.
  const apart = guard === 'native-backups' ? [] : ['without an Organization']
  for (const circumstance of ['in an Organization', ...apart])
    expect(findings.filter((finding) => finding.startsWith(circumstance))).not.toEqual([])
})
