import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Command } from '../command.ts'
import { cliError } from '../errors.ts'
import { startMoreGateway } from '../up/more-gateways.ts'

const command: Command = {
  help: `usage: tidemark gateway --port N [--data DIR]

Starts one more gateway beside the platform that runs on this machine with the same data folder, and keeps it running until
Ctrl-C. It serves what the first one serves; put a load balancer before them, or give each application its own.

  --port N    its port
  --data DIR  the platform's data folder (default .local/data) [TIDEMARK_DATA]`,

  async run(args) {
    const { values } = parseArgs({ args, options: { port: { type: 'string' }, data: { type: 'string' } } })
    const port = Number(values.port)
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw cliError('USAGE', '--port must be a number from 1 to 65535.', 'gateway')
    const giveUp = new AbortController()
    const signalled = new Promise<void>((done) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        process.on(signal, () => {
          giveUp.abort()
          done()
        })
    })
    const gateway = await startMoreGateway(resolve(values.data ?? process.env.TIDEMARK_DATA ?? '.local/data'), port, {
      giveUp: giveUp.signal,
    })
    console.log(`One more gateway is ready at ${gateway.url}.`)
    await signalled
    await gateway.stop()
    return 0
  },
}
export default command
