// A sandbox in a process of its own, for a test to kill.

import { startSandbox } from '../../../lab/sandbox/server.ts'
import { standardCloud, vaultAccount } from './small-cloud.ts'

const [directory = ''] = process.argv.slice(2)
const sandbox = await startSandbox({ directory, declaration: standardCloud })
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
process.send?.({ endpoint: sandbox.endpoint, credentials: { accessKeyId, secretAccessKey } })
