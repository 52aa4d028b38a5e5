// The entry point of `restore`, started by bin/restore. It only sets the exit status.
import './node-version.ts'
import './quiet-warnings.ts'

const { run } = await import('./run.ts')
process.exitCode = await run('restore', process.argv.slice(2))
