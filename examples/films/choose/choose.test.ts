import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CHOICES, declaredEndpoint } from './declared.ts'
import { errorPower } from './error-power.ts'
import { type Known, MOVIES, readKnown } from './known.ts'
import { lossPower } from './loss-power.ts'
import { type Choices, choicesOf, limitOf } from './rules.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-choose-'))
const committed = JSON.parse(readFileSync(CHOICES, 'utf8')) as Choices
let later: number
let known: Known

before(async () => {
  const rows = JSON.parse(readFileSync(MOVIES, 'utf8')) as Record<string, unknown>[]
  // Everything that was released from 2000 on becomes something else, and half of it is not there at all.
  const isLater = (row: Record<string, unknown>) => Number(String(row['Release Date']).slice(-4)) >= 2000
  later = rows.filter(isLater).length
  const changed = rows
    .filter((row, index) => !isLater(row) || index % 2 === 0)
    .map((row) => (isLater(row) ? { ...row, 'IMDB Rating': 1, Director: 'Nobody', 'Major Genre': 'None' } : row))
  const file = join(folder, 'movies.json')
  writeFileSync(file, JSON.stringify(changed))
  known = await readKnown(file)
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('the rules give what choices.json says, though everything about films from 2000 on is different', () => {
  assert.ok(later > 1_500, `${later} films were changed or left out`)
  assert.deepEqual(choicesOf(known, declaredEndpoint().policy.rollout), committed)
})

test('a rating before 2000 has a say', () => {
  const pairs = known.pairs.map((pair, index) => (index % 3 === 0 ? { ...pair, label: 10 } : pair))
  const { rollout } = declaredEndpoint().policy
  assert.notDeepEqual(lossPower(pairs, rollout), lossPower(known.pairs, rollout))
})

test("the endpoint's limits are what the rules gave", () => {
  const { maxDays, onTimeLimit, errorMarginPercent } = declaredEndpoint().policy.rollout
  const { rollout } = committed
  assert.deepEqual(
    { maxDays, onTimeLimit, errorMarginPercent },
    { maxDays: rollout.maxDays, onTimeLimit: rollout.onTimeLimit, errorMarginPercent: rollout.errorMarginPercent },
  )
})

test('a narrower margin takes more films, and one too narrow to prove in two years ends by rolling back', () => {
  const declared = declaredEndpoint().policy.rollout
  const films = (lossMargin: number) => lossPower(known.pairs, { ...declared, lossMargin }).acceptedAfterFilms ?? 0
  assert.ok(films(0.05) > 2 * films(0.1), `${films(0.05)} and ${films(0.1)} films`)
  assert.deepEqual(limitOf({ acceptedAfterFilms: 100, harmAfterFilms: 60 }, 10), {
    months: 11,
    onTimeLimit: 'promote_without_proof',
  })
  for (const harmAfterFilms of [300, null]) {
    assert.deepEqual(limitOf({ acceptedAfterFilms: 100, harmAfterFilms }, 10), { months: 24, onTimeLimit: 'roll_back' })
  }
})

test('a longer rollout rules out more, and no rollout proves what nobody could have seen', () => {
  const { rollout } = declaredEndpoint().policy
  const [short] = errorPower(known.releaseDays, rollout, 1, [5])
  const [long] = errorPower(known.releaseDays, rollout, 12, [5])
  assert.equal(short?.proven, 0)
  assert.ok((long?.proven ?? 0) > 0.9, `${long?.proven}`)
})
