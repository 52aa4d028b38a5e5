import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Cleanup } from '../../../lab/incident/cleanup.ts'
import { runDrill } from '../../../lab/incident/drill.ts'
import { reportSchema } from '../../../lab/incident/report/schema.ts'
import { smallSize } from '../../../lab/incident/world/size.ts'

const listener = {
  begin: () => undefined,
  note: () => undefined,
  progress: () => undefined,
  claim: () => undefined,
}
const optionsFor = (workDirectory: string, cleanup: Cleanup, signal: AbortSignal) => ({
  seed: 1,
  size: smallSize,
  workDirectory,
  toolVersion: '0',
  cleanup,
  signal,
  listener,
})

describe('a drill in which a step crashes', () => {
  test('reports what it could examine, counts the rest as not examined, and does not hold', async () => {
    const cleanup = new Cleanup()
    const report = await runDrill(optionsFor('/nonexistent/work', cleanup, new AbortController().signal))
    expect(await cleanup.run()).toEqual([])
    const held = report.claims.filter(({ status }) => status === 'held').map(({ name }) => name)
    expect(held).toEqual(['vault-in-account-of-its-own', 'vault-locks-every-version'])
    expect(report.claims.filter(({ status }) => status === 'not-examined')).toHaveLength(
      report.claims.length - 2,
    )
    expect(report.outcome).toBe('claims-fell')
    expect(report.timeline.at(-1)?.text).toMatch(/could not be finished.*nonexistent/)
    expect(reportSchema.safeParse({ ...report, leftovers: [] }).error).toBeUndefined()
  })
})

describe('a drill that is interrupted', () => {
  test('stops at once, and its cleanup stops all its processes', async () => {
    const workDirectory = mkdtempSync(path.join(os.tmpdir(), 'hf-interrupted-'))
    chmodSync(workDirectory, 0o711)
    const interruption = new AbortController()
    const cleanup = new Cleanup()
    const run = runDrill({
      ...optionsFor(workDirectory, cleanup, interruption.signal),
      // While the uploads are written the database runs.
      listener: {
        ...listener,
        progress: (text) =>
          text.startsWith('the desks at work') && interruption.abort(new Error('interrupted')),
      },
    })
    await expect(run).rejects.toThrow('interrupted')
    expect(await cleanup.run()).toEqual([])
    const pid = readdirSync(path.join(workDirectory, 'cloud', 'volumes'), { recursive: true }).filter(
      (name) => String(name).endsWith('postmaster.pid'),
    )
    expect(pid).toEqual([])
    rmSync(workDirectory, { recursive: true })
  })
})

describe('the command line of the drill', () => {
  const run = promisify(execFile)
  const drill = (...args: string[]) =>
    run(process.execPath, [path.resolve('lab/incident/main.ts'), ...args], {
      env: { PATH: process.env['PATH'] },
    })

  test('explains itself and starts nothing', async () => {
    expect((await drill('--help')).stdout).toMatch(/--report-dir[^]*--seed[^]*Exit status/)
  })

  test('refuses a seed that is no number as wrong usage', async () => {
    await expect(drill('--seed', '-1')).rejects.toMatchObject({ code: 2 })
  })
})
