// The measured programs: Holdfast as published, and restic and versitygw from the Go module proxy.
import { execFile } from 'node:child_process'
import { cpSync, accessSync, constants, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'

const run = promisify(execFile)
const project = resolve(import.meta.dirname, '../..')

export interface Programs {
  /** The built command, as it is published. */
  holdfast: string
  /** Empty if only the WAL is measured. */
  restic: string
  versitygw: string
  /** Version of each program, for the report. */
  versions: Record<string, string>
  /** Working directory of a run that needs no other. */
  folder: string
}

interface Module {
  name: 'restic' | 'versitygw'
  path: string
  command: string
  version: string
}

// Pinned, so that figures stay comparable. Update by hand after a release.
const modules: Module[] = [
  { name: 'restic', path: 'github.com/restic/restic', command: 'cmd/restic', version: 'v0.19.1' },
  { name: 'versitygw', path: 'github.com/versity/versitygw', command: 'cmd/versitygw', version: 'v1.8.0' },
]

/**
 * @param folder for the build of Holdfast, apart from `dist`, so that `npm run build` can't change the measured
 * program.
 * @throws `not-found` if a program is not installed and can't be built.
 */
export async function preparePrograms(
  folder: string,
  report: (text: string) => void,
  { isOnlyWal }: { isOnlyWal: boolean },
): Promise<Programs> {
  const programs: Record<string, string> = {}
  for (const module of modules.filter(({ name }) => name !== 'restic' || !isOnlyWal))
    programs[module.name] = await findOrInstall(module, report)
  const holdfast = await build(folder, report)
  return {
    holdfast,
    restic: programs['restic'] ?? '',
    versitygw: programs['versitygw']!,
    folder,
    versions: {
      node: process.version,
      holdfast: `holdfast ${(await run(process.execPath, [join(folder, 'dist', 'restore-cli', 'main.js'), '--version'])).stdout.trim()}`,
      ...(isOnlyWal
        ? { pgbackrest: (await run('pgbackrest', ['version'])).stdout.trim() }
        : { restic: (await run(programs['restic']!, ['version'])).stdout.trim() }),
      versitygw: await versionOf(programs['versitygw']!),
    },
  }
}

async function build(folder: string, report: (text: string) => void): Promise<string> {
  report('building Holdfast')
  const rolldown = join(project, 'node_modules', 'rolldown', 'bin', 'cli.mjs')
  await run(process.execPath, [rolldown, '-c', 'rolldown.config.ts', '--dir', join(folder, 'dist')], {
    cwd: project,
  }).catch((cause: { stdout?: string; stderr?: string }) => {
    const output = `${cause.stdout ?? ''}${cause.stderr ?? ''}`
    throw new HoldfastError('internal', `Holdfast can't be built: ${output.slice(0, 1000)}`, { cause })
  })
  copyFileSync(join(project, 'package.json'), join(folder, 'package.json'))
  cpSync(join(project, 'bin'), join(folder, 'bin'), { recursive: true })
  return join(folder, 'bin', 'holdfast')
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast-bench')
}

/** An earlier build, or the result of `go install`; else a new build; else, without Go, a program in the path. */
async function findOrInstall(module: Module, report: (text: string) => void): Promise<string> {
  const { name, version } = module
  const built = findProgram(name, [join(cacheFolder(), version), join(homedir(), 'go', 'bin')])
  if (built !== undefined) return built
  const go = findGo()
  if (go !== undefined) return install(module, go, report)
  const installed = findProgram(name, path())
  if (installed !== undefined) return installed
  throw new HoldfastError('not-found', `${name} is not installed, and there is no Go to build it with`, {
    hint: `install Go, or put ${name} into the path (Debian has restic, an older one)`,
  })
}

function findGo(): string | undefined {
  return findProgram('go', [...path(), '/usr/local/go/bin'])
}

function path(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
}

function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Builds in a module that requires the exact version, so that Go asks for no list of versions. */
async function install(
  { name, path: module, command, version }: Module,
  go: string,
  report: (text: string) => void,
): Promise<string> {
  const folder = join(cacheFolder(), version)
  report(`building ${name} ${version} from the Go module proxy: some minutes`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'go.mod'), `module bench\n\ngo 1.25\n\nrequire ${module} ${version}\n`)
  await run(go, ['build', '-mod=mod', '-o', join(folder, name), `${module}/${command}`], {
    cwd: folder,
    maxBuffer: 2 ** 26,
  })
  return join(folder, name)
}

/** The version that Go recorded in the program, because versitygw from the module proxy doesn't know its own. */
async function versionOf(versitygw: string): Promise<string> {
  const pinned = modules.find(({ name }) => name === 'versitygw')!
  try {
    const { stdout } = await run(findGo() ?? 'go', ['version', '-m', versitygw])
    return `versitygw ${/^\s*(?:mod|dep)\s+github\.com\/versity\/versitygw\s+(v\S+)/m.exec(stdout)?.[1] ?? 'of unknown version'}`
  } catch {
    return versitygw.includes(pinned.version) ? `versitygw ${pinned.version}` : 'versitygw of unknown version'
  }
}
