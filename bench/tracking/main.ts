/**
 * Tracking: stock `mlflow server` 3.17.2 on PostgreSQL beside Tidemark on its embedded one, request by request, alternating; CPU of server and
 * database per operation, median times. Then the growth table: the same searches at 1,000 to 1,000,000 runs.
 *
 *   npm run bench -- tracking [--json FILE] [--quick] [--part requests|search|artifacts|growth]
 */
import { parseArgs } from 'node:util'
import { type Row, report } from '../report.ts'
import { artifacts } from './artifacts.ts'
import { type Contestant, startOurs, startStock } from './contestants.ts'
import { growth } from './growth.ts'
import { requests } from './requests.ts'
import { searches } from './searches.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    part: { type: 'string' },
  },
})
const wanted = (part: string) => values.part === undefined || values.part === part

const rows: Row[] = []
if (wanted('requests') || wanted('search') || wanted('artifacts')) {
  const started: Contestant[] = []
  try {
    const ours = await startOurs()
    started.push(ours)
    const stock = await startStock()
    started.push(stock)
    console.log(`us: ${ours.name}; peer: ${stock.name}`)
    await settled()
    const idle = { ours: ours.megabytes(), stock: stock.megabytes() }
    rows.push(
      bounded(
        'first answer after the start on an empty folder',
        's',
        stock.secondsToFirstAnswer,
        ours.secondsToFirstAnswer,
        2,
      ),
      bounded('memory, idle (PSS)', 'MB', idle.stock, idle.ours, 300),
    )
    if (wanted('requests')) rows.push(...(await requests(ours, stock, values.quick)))
    if (wanted('search')) rows.push(...(await searches(ours, stock, values.quick)))
    if (wanted('artifacts')) rows.push(...(await artifacts(ours, stock)))
    await settled()
    rows.push(bounded('memory, after the load (PSS)', 'MB', stock.megabytes(), ours.megabytes(), 450))
  } finally {
    for (const contestant of started) await contestant.stop()
  }
}
if (wanted('growth')) rows.push(...(await growth(values.quick)))
report(rows, values.json)

/** Both are left alone for as long before each reading of memory: connections that nobody uses end, and heaps are collected. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10_000))
}

/** A row whose figure must not exceed a bound. */
function bounded(claim: string, unit: string, peer: number, ours: number, goal: number): Row {
  return { claim, peer, ours, unit, ratio: peer / ours, goal: `≤ ${goal}`, met: ours <= goal }
}
