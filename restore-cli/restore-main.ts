#!/usr/bin/env node
// The entry point of `restore`, which is `holdfast restore` for whoever has to type it at three in the morning.
import './quiet-warnings.ts'
import { run } from './run.ts'

process.exitCode = await run('restore', process.argv.slice(2))
