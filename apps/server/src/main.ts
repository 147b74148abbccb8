import { onParentGone, reportReady } from '@tidemark/process'
import { readConfig } from './platform/config.ts'
import { createPlatform } from './platform/platform.ts'
import { startServer } from './server.ts'

const platform = createPlatform(readConfig(process.env))
const server = await startServer(platform)
platform.log.info({ url: server.url }, 'server ready')
// By the channel to the supervisor alone: what is printed here ends in a log.
reportReady({ url: server.url, ...(server.adminToken === null ? {} : { adminToken: server.adminToken }) })

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
