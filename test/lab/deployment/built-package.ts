// A folder for programs that import the built package by its name, as its readers' programs do.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../../../lab/deployment/engine-world.ts'

/** Builds the package into a new folder, beside Pulumi's own packages. */
export async function installBuiltPackage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-installed-'))
  const installed = join(folder, 'node_modules/holdfast')
  mkdirSync(join(installed, 'dist'), { recursive: true })
  cpSync(join(repository, 'package.json'), join(installed, 'package.json'))
  const bundler = join(repository, 'node_modules/rolldown/bin/cli.mjs')
  await promisify(execFile)(
    process.execPath,
    [bundler, '-c', 'rolldown.config.ts', '--dir', join(installed, 'dist')],
    { cwd: repository },
  )
  symlinkSync(join(repository, 'node_modules/@pulumi'), join(folder, 'node_modules/@pulumi'))
  return folder
}
