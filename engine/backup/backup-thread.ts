// Entry of a backup's threads.
import { BackupWorker } from './backup-worker.ts'
import { serveThread } from '../worker-pool.ts'

serveThread(BackupWorker)
