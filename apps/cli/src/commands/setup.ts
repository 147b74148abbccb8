import { fileURLToPath } from 'node:url'
import { ensureEnvironment } from '@tidemark/workers'
import type { Command } from '../command.ts'
import { ensureWeb } from '../web-build.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

const command: Command = {
  help: `usage: tidemark setup

Makes ahead what is else made on first need: the UI's files and the Python environment of workers. May be run again.`,

  async run() {
    await ensureWeb(root)
    console.log('The UI is built.')
    const { dir, minor } = await ensureEnvironment(`${root}python/locks/worker.txt`)
    console.log(`The Python ${minor} environment of workers is in ${dir}.`)
    return 0
  },
}
export default command
