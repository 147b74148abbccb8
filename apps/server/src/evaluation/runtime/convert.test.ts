import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureEnvironment, WorkerPool } from '@tidemark/workers'
import { PLATFORM_LOCK } from '../../platform/index.ts'
import { convertVersion } from './convert.ts'

/** What becomes of each: as ONNX, refused because it converts wrongly, or not converted at all. */
const EXPECTED: Record<string, 'converted' | 'refused' | 'not converted'> = {
  LinearRegression: 'converted',
  RandomForestRegressor: 'converted',
  'RandomForestRegressor trained with gaps': 'converted',
  'RandomForestClassifier trained with gaps': 'converted',
  'GradientBoostingRegressor in a pipeline': 'converted',
  'LogisticRegression in a pipeline': 'converted',
  KNeighborsRegressor: 'converted',
  SVC: 'converted',
  'CalibratedClassifierCV of a pipeline': 'refused',
  TunedThresholdClassifierCV: 'refused',
  HistGradientBoostingRegressor: 'not converted',
  DummyClassifier: 'not converted',
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-conversions-'))
let pool: WorkerPool

before(async () => {
  chmodSync(folder, 0o755)
  const environment = await ensureEnvironment(PLATFORM_LOCK)
  const script = join(import.meta.dirname, 'fixtures/estimators.py')
  execFileSync(environment.python, [script, 'save', folder, ...Object.keys(EXPECTED)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin:/bin', HOME: folder, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: 'false', OMP_NUM_THREADS: '1' },
  })
  pool = new WorkerPool({ environment })
})
after(async () => {
  await pool.close()
  rmSync(folder, { recursive: true, force: true })
})

for (const [name, outcome] of Object.entries(EXPECTED)) {
  test(`${name}: ${outcome}`, async (t) => {
    const { verdict, onnx } = await convertVersion(pool, {
      modelDir: join(folder, name),
      digest: null,
      sampleFile: null,
      inputs: JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')).map(
        (column: { name: string }) => column.name,
      ),
      outDir: join(folder, `${name}.out`),
    })
    t.diagnostic(verdict.sentence)
    assert.equal(verdict.kind, outcome === 'converted' ? 'onnx' : 'python')
    assert.equal(onnx !== null, outcome === 'converted')
    switch (outcome) {
      case 'converted':
        assert.equal(verdict.mismatches, 0)
        assert.ok(verdict.realRows >= 5 && verdict.parityRows >= 300)
        break
      case 'refused':
        assert.ok(verdict.mismatches > 0)
        assert.match(verdict.onnxDigest ?? '', /^sha256:/)
        assert.notDeepEqual(verdict.worst[0]?.expected, verdict.worst[0]?.got)
        break
      case 'not converted':
        assert.equal(verdict.parityRows, 0)
    }
  })
}
