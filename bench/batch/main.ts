/**
 * `npm run bench -- batch [--rows N] [--json FILE]`: batch prediction beside scikit-learn alone. 200,000 rows unless said; the claim is of
 * `--rows 10000000`.
 */
import { parseArgs } from 'node:util'
import { report } from '../report.ts'
import { measureBatch } from './measure.ts'

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '200000' }, json: { type: 'string' } },
  allowPositionals: true,
})
report(await measureBatch(Number(values.rows)), values.json)
