import { addressOf } from '@tidemark/process'
import { cliError } from '../errors.ts'
import { programPart } from './child.ts'
import { openDataFolder, openRecord } from './data-folder.ts'
import { openJournal } from './journal.ts'
import { type Kept, keepRunning } from './keep.ts'
import { requirePort } from './ports.ts'
import { describePrograms } from './programs.ts'

/** One more gateway of a platform that runs on this machine. */
export interface MoreGateway {
  readonly url: string
  /** Pid of its process; undefined while it is down. */
  pid(): number | undefined
  stop(): Promise<void>
}

/**
 * Starts one more gateway beside a running platform and starts it again when it ends. It has a folder of its own below the data folder, and its own
 * place in the prediction log, which the server reads as it reads that of the first (ADR 0005). `serverUrl`: where it finds the server, when that is
 * not where the platform says it is.
 * @throws CliError: NO_PLATFORM_HERE, PORT_TAKEN, NOT_STARTED
 */
export async function startMoreGateway(
  dataDir: string,
  port: number,
  { giveUp = new AbortController().signal, serverUrl }: { giveUp?: AbortSignal; serverUrl?: string } = {},
): Promise<MoreGateway> {
  const record = openRecord(dataDir)
  if (!record) throw cliError('NO_PLATFORM_HERE', dataDir)
  const folder = openDataFolder(dataDir)
  const server = new URL(record.url)
  await requirePort('127.0.0.1', port, '--port', 0)
  const settings = {
    port: Number(server.port),
    gatewayPort: port,
    host: '127.0.0.1',
    dataDir: folder.path,
    logLevel: 'info',
  } as const
  const environment = { TIDEMARK_GATEWAY_FOLDER: `gateway-${port}`, TIDEMARK_SERVER_URL: serverUrl ?? record.url }
  const [, program] = describePrograms(settings, folder, Promise.resolve(''), { environment })
  const part = programPart({ ...program, name: `gateway-${port}`, onSpawn: () => {} })
  const kept: Kept = await keepRunning(part, openJournal(folder.logsDir), giveUp)
  return { url: addressOf('127.0.0.1', port), pid: () => kept.pid(), stop: () => kept.stop() }
}
