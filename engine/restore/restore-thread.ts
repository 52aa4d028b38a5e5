// Entry of a restore's threads.
import { RestoreWorker } from './restore-worker.ts'
import { serveThread } from '../worker-pool.ts'

serveThread(RestoreWorker)
