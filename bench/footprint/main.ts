/**
 * Memory of the idle platform and time to its first answer, beside stock `mlflow server` on SQLite with its defaults.
 * Three starts each, alternating, every start on an empty folder; memory is read 10 s after the first answer; medians.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { processesNaming, processTree, pssMegabytes } from '../processes.ts'
import { median, report } from '../report.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    runs: { type: 'string', default: '3' },
    settle: { type: 'string', default: '10' },
  },
})
const root = fileURLToPath(new URL('../../', import.meta.url))

interface Measured {
  readonly seconds: number
  readonly megabytes: number
  readonly processes: number
}

interface Contestant {
  readonly command: string
  readonly args: readonly string[]
  readonly url: string
  readonly folder: string
}

async function measure({ command, args, url, folder }: Contestant): Promise<Measured> {
  const started = performance.now()
  const child = spawn(command, args, { cwd: folder, stdio: 'ignore', detached: true })
  const pid = child.pid ?? 0
  try {
    await firstAnswer(url)
    const seconds = (performance.now() - started) / 1000
    await new Promise((resolve) => setTimeout(resolve, Number(values.settle) * 1000))
    // The database leaves its parent: it is found by the folder that is its data.
    const pids = new Set([...processTree(pid), ...processesNaming(folder).flatMap(processTree)])
    return { seconds, megabytes: pssMegabytes(pids), processes: pids.size }
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    process.kill(-pid, 'SIGTERM')
    const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), 15_000)
    await ended
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstAnswer(url: string): Promise<void> {
  const deadline = Date.now() + 120_000
  while (Date.now() < deadline) {
    const good = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (good) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${url} did not answer within 120 s.`)
}

async function platform(): Promise<Contestant> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-footprint-'))
  const [port, gateway] = [await freePort(), await freePort()]
  return {
    command: join(root, 'tidemark'),
    args: ['up', '--port', String(port), '--gateway-port', String(gateway), '--data', folder],
    url: `http://127.0.0.1:${port}/readyz`,
    folder,
  }
}

async function stock(python: string): Promise<Contestant> {
  const folder = mkdtempSync(join(tmpdir(), 'mlflow-footprint-'))
  const port = await freePort()
  return {
    command: python,
    args: [
      '-m',
      'mlflow',
      'server',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--backend-store-uri',
      `sqlite:///${folder}/mlflow.db`,
      '--artifacts-destination',
      folder,
    ],
    url: `http://127.0.0.1:${port}/health`,
    folder,
  }
}

const { python } = await ensureEnvironment(join(root, 'bench/peers/mlflow.txt'))
const ours: Measured[] = []
const peer: Measured[] = []
for (let run = 0; run < Number(values.runs); run++) {
  ours.push(await measure(await platform()))
  peer.push(await measure(await stock(python)))
  const [a, b] = [ours.at(-1), peer.at(-1)]
  console.log(
    `run ${run + 1}: ours ${a?.megabytes.toFixed(0)} MB in ${a?.processes} processes, ${a?.seconds.toFixed(2)} s; stock ${b?.megabytes.toFixed(0)} MB in ${b?.processes}, ${b?.seconds.toFixed(1)} s`,
  )
}
const of = (list: readonly Measured[], field: keyof Measured) => median(list.map((measured) => measured[field]))
report(
  [
    {
      claim: 'PSS of all processes of the idle platform',
      peer: of(peer, 'megabytes'),
      ours: of(ours, 'megabytes'),
      unit: 'MB',
      ratio: of(peer, 'megabytes') / of(ours, 'megabytes'),
      goal: '≤ 300',
      met: of(ours, 'megabytes') <= 300,
    },
    {
      claim: 'First answer after the start on an empty folder',
      peer: of(peer, 'seconds'),
      ours: of(ours, 'seconds'),
      unit: 's',
      ratio: of(peer, 'seconds') / of(ours, 'seconds'),
      goal: '≤ 3',
      met: of(ours, 'seconds') <= 3,
    },
    {
      claim: 'Processes',
      peer: of(peer, 'processes'),
      ours: of(ours, 'processes'),
      unit: '',
      ratio: of(peer, 'processes') / of(ours, 'processes'),
      goal: 'fewer than stock',
      met: of(ours, 'processes') < of(peer, 'processes'),
    },
  ],
  values.json,
)
