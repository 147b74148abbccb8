import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { prepared } from './conversions/prepared.ts'
import { type Outcome, reportOf } from './conversions/report.ts'
import { type Connection, differences, type Logged } from './conversions/serve.ts'
import { startPlatform } from './platform.ts'
import { CLONE, type Script, startScript } from './python.ts'

/** Longest for one estimator, from its registration to its last answer. */
const SECONDS = Number(process.env.TIDEMARK_ESTIMATOR_SECONDS ?? 20)
const SCRIPT = 'apps/server/src/evaluation/runtime/fixtures/estimators.py'
const REPORT = join(CLONE, 'docs/reference/conversions.md')
/** Names of estimators, separated by commas; all of scikit-learn's unless said. */
const NAMES = process.env.TIDEMARK_ESTIMATORS?.split(',') ?? []

test('no estimator of scikit-learn, alone or in a pipeline, answers otherwise than in Python', async (t) => {
  const site = await startPlatform('conversions')
  const outcomes: Outcome[] = []
  const late: [number, Logged][] = []
  let script: Script | undefined
  try {
    const quiet = { MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: 'false', OMP_NUM_THREADS: '1' }
    script = await startScript('worker.txt', SCRIPT, site.connection.url, ['log', site.connection.url, ...NAMES], quiet)
    let ended = false
    void script.ended.then(
      () => {
        ended = true
      },
      () => {
        ended = true
      },
    )
    for (let read = 0; ; ) {
      // Before what it said is read: what it says afterwards is read the next time.
      const finished = ended
      const lines = script.said().split('\n')
      // The last piece may be the beginning of a line.
      const whole = lines.slice(0, -1)
      for (; read < whole.length; read++) {
        const line = whole[read] ?? ''
        if (!line.startsWith('{')) continue
        const logged: Logged = JSON.parse(line)
        const outcome = await outcomeOf(site.connection, logged)
        if (outcome.kind === 'late') late.push([outcomes.length, logged])
        outcomes.push(outcome)
        console.error(`${outcome.name}: ${told(outcome)}`)
      }
      if (finished) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await script.ended
    // Once more without the script, which fits and registers the next ones meanwhile.
    for (const [place, logged] of late) outcomes[place] = await outcomeOf(site.connection, logged)
  } finally {
    script?.stop()
    if (process.env.TIDEMARK_WRITE_REPORT) writeFileSync(REPORT, reportOf(outcomes))
    await site.end()
  }
  const count = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind).length
  t.diagnostic(
    `${outcomes.length} asked for: ${count('converted')} converted, ${count('refused')} refused, ${count('not converted')} without a converter, ${count('late')} late, ${count('unfit')} do not fit`,
  )
  assert.deepEqual(
    outcomes.filter(({ wrong }) => wrong.length > 0).map(({ name, wrong }) => `${name}: ${wrong[0]}`),
    [],
  )
  if (NAMES.length === 0) assert.ok(count('converted') > 100)
})

function told({ kind, wrong }: Outcome): string {
  return wrong.length > 0 ? `${kind}, WRONG: ${wrong[0]}` : kind
}

async function outcomeOf(connection: Connection, logged: Logged): Promise<Outcome> {
  if ('unfit' in logged) return { name: logged.name, kind: 'unfit', reason: logged.unfit, wrong: [] }
  const { name } = logged
  const started = Date.now()
  const late = async <T>(work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<never>((_, reject) => {
      const left = SECONDS * 1000 - (Date.now() - started)
      timer = setTimeout(() => reject(new Late()), left)
    })
    return Promise.race([work, limit]).finally(() => clearTimeout(timer))
  }
  try {
    const runtime = await late(prepared(connection, logged.model))
    const wrong = await late(differences(connection, logged, runtime))
    const { verdict } = runtime
    if (runtime.runtime === 'onnx') return { name, kind: 'converted', reason: verdict?.sentence ?? '', wrong }
    const kind = verdict && verdict.parityRows > 0 ? 'refused' : 'not converted'
    return { name, kind, reason: verdict?.sentence ?? '', wrong }
  } catch (error) {
    if (error instanceof Late) return { name, kind: 'late', reason: `not done within ${SECONDS} s`, wrong: [] }
    throw error
  }
}

class Late extends Error {}
