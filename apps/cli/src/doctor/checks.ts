import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installedPackage, planDatabase, withClient } from '@tidemark/postgres'
import { chooseInterpreter, workerAccount } from '@tidemark/workers'
import type { PlatformSettings } from '../settings.ts'
import { openRecord } from '../up/data-folder.ts'
import { tryPort } from '../up/ports.ts'
import { isAlive, listenerOf } from '../up/process-table.ts'
import { decideContainment, decideDisk, decideForeignDatabase, decideNode } from './decide.ts'
import { type Finding, fine, missing, note } from './finding.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const currentUid = (): number => process.getuid?.() ?? 0

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The nearest folder above that exists. */
function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path))
}

function npm(): Finding {
  const answer = spawnSync('npm', ['--version'], { encoding: 'utf8' })
  if (answer.status === 0) return fine('npm', answer.stdout.trim())
  return missing('npm', 'not found', 'install Node 20 or newer with npm (Debian: apt-get install nodejs npm)')
}

function python(): Finding {
  try {
    const { path, minor } = chooseInterpreter()
    return fine('python', `${path} (${minor}), which workers use; TIDEMARK_PYTHON names another`)
  } catch (error) {
    return missing('python', 'none that workers can run', messageOf(error))
  }
}

async function ports(settings: PlatformSettings): Promise<Finding[]> {
  const record = openRecord(settings.dataDir)
  const wanted = [
    ['server port', settings.port, '--port'],
    ['gateway port', settings.gatewayPort, '--gateway-port'],
  ] as const
  return Promise.all(
    wanted.map(async ([subject, port, flag]) => {
      const answer = await tryPort(settings.host, port)
      if (answer.kind === 'free') return fine(subject, `${port} is free`)
      const ours =
        record && isAlive(record.supervisor) && [record.url, record.gatewayUrl].some((url) => url.endsWith(`:${port}`))
      if (ours) return fine(subject, `${port} is used by this data folder's own platform, pid ${record.supervisor.pid}`)
      const found =
        answer.kind === 'taken' ? `${port} is taken${listenerOf(port)}` : `${port} is refused (${answer.reason})`
      return missing(subject, found, `choose another with ${flag}`)
    }),
  )
}

function dataFolder(path: string): Finding {
  const existing = existingPart(path)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
  } catch (error) {
    return missing('data', messageOf(error), 'give the folder to this user, or choose another with --data')
  }
  const { uid } = statSync(existing)
  if (existing === path && uid !== currentUid()) {
    return note(
      'data',
      `${path} belongs to uid ${uid}`,
      'start the platform as always the same user, or files will be unreadable',
    )
  }
  return fine('data', existing === path ? path : `${path} (will be created)`)
}

async function database(settings: PlatformSettings): Promise<Finding[]> {
  if (settings.databaseUrl !== undefined) {
    try {
      const sql = "SELECT current_setting('server_version_num')::int AS version"
      const { rows } = await withClient(settings.databaseUrl, (client) => client.query<{ version: number }>(sql))
      return [decideForeignDatabase(rows[0]?.version ?? 0)]
    } catch (error) {
      return [
        missing(
          'database',
          `DATABASE_URL does not answer (${messageOf(error)})`,
          'correct it, or unset it to use the embedded one',
        ),
      ]
    }
  }
  try {
    const binaries = fine('database', `embedded PostgreSQL ${installedPackage().version}`)
    const plan = planDatabase(join(settings.dataDir, 'postgres'))
    if (!plan.outside) return [binaries, fine('database', `in ${plan.folder}, as uid ${plan.uid}`)]
    const found = `uid ${plan.uid} cannot enter ${settings.dataDir}, so the database lives in ${plan.folder}`
    return [
      binaries,
      note('database', found, 'back up both folders and keep cleaners off /var/tmp, or choose a reachable --data'),
    ]
  } catch (error) {
    return [missing('database', 'the embedded PostgreSQL cannot run', messageOf(error))]
  }
}

function browser(): Finding {
  const found = CHROMIUM.find((path) => existsSync(path))
  if (found) return fine('chromium', found)
  return note('chromium', 'not found', 'needed by the browser tests alone (Debian: apt-get install chromium)')
}

function disk(path: string): Finding {
  const { bavail, bsize } = statfsSync(existingPart(path))
  return decideDisk(bavail * bsize)
}

function workers(): Finding {
  const { uid } = workerAccount()
  return uid === currentUid() ? decideContainment(uid) : decideContainment(0)
}

/** Everything the platform needs, in the order in which a start would meet it. Changes nothing on the machine. */
export async function examine(settings: PlatformSettings): Promise<Finding[]> {
  return [
    decideNode(process.version),
    npm(),
    python(),
    ...(await ports(settings)),
    dataFolder(settings.dataDir),
    disk(settings.dataDir),
    ...(await database(settings)),
    workers(),
    browser(),
  ]
}
