// Loads the program, or says which Node it needs. In JavaScript, because an older Node can't load a file of TypeScript, and
// would only name its extension.
import module from 'node:module'
import { fileURLToPath } from 'node:url'
import { RunError } from '@pulumi/pulumi/errors.js'

if (!process.features.typescript)
  throw new RunError(
    `Node ${process.versions.node} can't run this program: it needs Node 22.21 or later.\n` +
      'HINT: run `PATH="$PWD/node_modules/.bin:$PATH" pulumi up`, which uses the Node that `npm ci` has installed here; nothing was changed',
  )

// Pulumi's SDK takes a stack trace for each promise of each resource, in case one is never settled: that is half of the
// time of a preview. HOLDFAST_STACK_TRACES=1 brings them back, for a bug in the program. The SDK's hook looks for source
// maps in each of the others; Node strips types in place, so that there is nothing to map.
if (process.env.HOLDFAST_STACK_TRACES !== '1') Error.stackTraceLimit = 0
Error.prepareStackTrace = undefined

// The program and the SDK of AWS compile once. The cache lies where only the owner of the installed packages writes.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node-compile', import.meta.url)))

const { default: deploy } = await import('./main.ts')
export default deploy
