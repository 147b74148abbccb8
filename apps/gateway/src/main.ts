import { onParentGone, reportReady } from '@tidemark/process'
import { readConfig } from './config.ts'
import { startGateway } from './gateway.ts'
import { createLog } from './telemetry.ts'

const config = readConfig(process.env)
const log = createLog(config.logLevel)
const gateway = await startGateway(config, log)
log.info({ url: gateway.url, gateway: gateway.id }, 'gateway ready')
reportReady({ url: gateway.url })

/** Longest time for what is in flight; a supervisor that waits longer than that has a hanging gateway. */
const STOP_LIMIT_MS = 10_000

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
  await gateway.stop()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
onParentGone(stop)
