// The file that a restore's thread runs.
import { RestoreWorker } from './restore-worker.ts'
import { serveThread } from '../worker-pool.ts'

serveThread(RestoreWorker)
