/** `./tidemark run examples/films/choose/main.ts`: settles the example's choices on films before 2000, prints them and writes choices.json. */
import { writeFileSync } from 'node:fs'
import { CHOICES, declaredEndpoint } from './declared.ts'
import { readKnown } from './known.ts'
import { choicesOf } from './rules.ts'

const choices = choicesOf(await readKnown(), declaredEndpoint().policy.rollout)
writeFileSync(CHOICES, `${JSON.stringify(choices, null, 2)}\n`)
const { films, form, refits, rollout } = choices

console.log(`${films.labelled} rated films before 2000, ${films.labelledAMonth} a month in the last two years.`)
for (const { encoding, leaf, features, rmse } of form.candidates) {
  const mark = encoding === form.chosen.encoding && leaf === form.chosen.leaf && features === form.chosen.features
  console.log(
    `${mark ? '→' : ' '} ${encoding.padEnd(14)} leaf ${String(leaf).padEnd(3)} features ${String(features).padEnd(5)} RMSE ${rmse.toFixed(4)}`,
  )
}
console.log(
  `Two fits, two years apart, differ by ${refits.meanPredictionGap} in prediction, by ${refits.meanDifference} ± ${refits.sdOfDifference} in loss.`,
)
console.log(
  `With power ${rollout.power}: as good is proven within ${rollout.lossMargin} after ${rollout.acceptedAfterFilms} films, worse by that after ${rollout.harmAfterFilms}: ${rollout.months} months.`,
)
for (const { percent, proven } of rollout.errorsProvenInTime) {
  console.log(
    `  ${percent} more failures in a hundred ruled out in time: ${(100 * proven).toFixed(1)} % of healthy rollouts`,
  )
}
console.log(
  `maxDays ${rollout.maxDays}, onTimeLimit ${rollout.onTimeLimit}, errorMarginPercent ${rollout.errorMarginPercent}`,
)
