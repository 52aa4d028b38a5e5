// The entry point of `restore`, which bin/restore starts.
import './quiet-warnings.ts'
import { run } from './run.ts'

process.exitCode = await run('restore', process.argv.slice(2))
