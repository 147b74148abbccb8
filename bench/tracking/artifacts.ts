import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, type Row } from '../report.ts'
import { createClient } from './client.ts'
import type { Contestant } from './contestants.ts'
import { cpuSeconds } from './load.ts'

const MEGABYTES = 100
const ROUNDS = 5

interface Transfer {
  readonly up: number
  readonly down: number
  readonly cpu: number
}

/** A file of 100 MB up and down through the proxy of both servers, and the same bytes written by `dd`. */
export async function artifacts(ours: Contestant, stock: Contestant): Promise<Row[]> {
  const data = randomBytes(MEGABYTES << 20)
  const [us, peer]: [Transfer[], Transfer[]] = [[], []]
  const disk: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    disk.push(writeByDd())
    // Other bytes each time: what is there already is not written again.
    data.writeUInt32BE(round, 0)
    us.push(await transfer(ours, data))
    peer.push(await transfer(stock, data))
  }
  const of = (list: readonly Transfer[], field: keyof Transfer) => median(list.map((item) => item[field]))
  const faster = (claim: string, field: 'up' | 'down', bound: number, goal: string): Row => ({
    claim,
    peer: of(peer, field),
    ours: of(us, field),
    unit: 'MB/s',
    ratio: of(us, field) / of(peer, field),
    goal,
    met: of(us, field) >= bound,
  })
  return [
    faster(
      `upload of ${MEGABYTES} MB, hashed and durable (dd conv=fsync: ${median(disk).toFixed(0)} MB/s)`,
      'up',
      0.7 * median(disk),
      '≥ 0.7× dd',
    ),
    faster(`download of ${MEGABYTES} MB`, 'down', 2 * of(peer, 'down'), '≥ 2×'),
    {
      claim: `upload and download of ${MEGABYTES} MB: CPU of both`,
      peer: of(peer, 'cpu'),
      ours: of(us, 'cpu'),
      unit: 's',
      ratio: of(peer, 'cpu') / of(us, 'cpu'),
      goal: '≤ 0.35',
      met: of(us, 'cpu') <= 0.35,
    },
  ]
}

async function transfer(contestant: Contestant, data: Buffer): Promise<Transfer> {
  const client = createClient(contestant.url)
  const path = `/api/2.0/mlflow-artifacts/artifacts/bench/${randomBytes(8).toString('hex')}/big.bin`
  try {
    const cpu = cpuSeconds(contestant.roots())
    const started = performance.now()
    await client.raw({ method: 'PUT', path, body: data })
    const between = performance.now()
    const bytes = await client.drained(path)
    const done = performance.now()
    if (bytes !== data.length) throw new Error(`${path} came back with ${bytes} bytes.`)
    return {
      up: MEGABYTES / ((between - started) / 1000),
      down: MEGABYTES / ((done - between) / 1000),
      cpu: cpuSeconds(contestant.roots()) - cpu,
    }
  } finally {
    client.close()
  }
}

/** How fast the disk takes the same amount, MB/s. */
function writeByDd(): number {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-dd-'))
  try {
    const started = performance.now()
    execFileSync('dd', ['if=/dev/zero', `of=${join(folder, 'file')}`, 'bs=1M', `count=${MEGABYTES}`, 'conv=fsync'], {
      stdio: 'ignore',
    })
    return MEGABYTES / ((performance.now() - started) / 1000)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
