import { COMPARED } from './compared.ts'
import type { Otherwise } from './payload.ts'

/** The reference page on how answers of the scoring protocol differ from stock MLflow's, made from the list that the journey checks. */
export function scoringDifferencesPage(): string {
  const all = COMPARED.flatMap(({ payloads }) => payloads)
  const differing = all.filter(({ otherwise }) => otherwise)
  return `# How answers of \`/invocations\` differ from \`mlflow models serve\`

\`npm run test:journeys -- journeys/protocols\` sends ${all.length} payloads, good and bad, to \`mlflow models serve\` and to an endpoint with the same model: ${COMPARED.map(({ what, payloads }) => `${payloads.length} to ${what}`).join(', ')}.
Status, error code and predictions (to 1e-4) of ${all.length - differing.length} are the same. The other ${differing.length} differ as listed here, each for its reason: the journey fails for a difference that is
not listed, and for one that is listed and is none any more. Words of errors differ throughout: stock's repeat what was sent, these never do.

${reasons().map(section).join('\n')}`
}

interface Shown {
  readonly otherwise: Otherwise
  readonly names: string[]
}

/** Each reason once, with the payloads that show it. */
function reasons(): Shown[] {
  const byReason = new Map<string, Shown>()
  for (const { model, payloads } of COMPARED) {
    for (const { name, otherwise } of payloads) {
      if (!otherwise) continue
      const shown = byReason.get(otherwise.reason)
      const named = `${model.replace('-served', '')}: ${name}`
      if (shown) shown.names.push(named)
      else byReason.set(otherwise.reason, { otherwise, names: [named] })
    }
  }
  return [...byReason.values()]
}

function section({ otherwise: { ours, stock, reason }, names }: Shown): string {
  const what = ours === stock ? `Both ${ours}, with other values` : `Tidemark ${ours}, stock ${stock}`
  return `- ${what}. *${reason}*\n${names.map((name) => `  - ${name}\n`).join('')}`
}
