import { laterSettings, onParentGone, reportReady, returnMemoryWhenQuiet } from '@tidemark/process'
import { readConfig } from './platform/config.ts'
import { createPlatform } from './platform/platform.ts'
import { startServer } from './server.ts'

// All above is read while the database starts.
const later = process.env.TIDEMARK_DATABASE_URL === undefined ? await laterSettings() : {}
const platform = createPlatform(readConfig({ ...process.env, ...later }))
// By the channel to the supervisor alone: what is printed here ends in a log.
const server = await startServer(platform, (adminToken) => process.send?.({ adminToken }))
platform.log.info({ url: server.url }, 'server ready')
reportReady({ url: server.url })
returnMemoryWhenQuiet()

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  await server.stop()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
onParentGone(stop)
