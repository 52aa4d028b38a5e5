// The entry point of `restore`, started by bin/restore.
import './quiet-warnings.ts'
import { run } from './run.ts'

process.exitCode = await run('restore', process.argv.slice(2))
