/** What became of one estimator. */
export interface Outcome {
  readonly name: string
  readonly kind: 'converted' | 'refused' | 'not converted' | 'late' | 'unfit'
  readonly reason: string
  /** Rows that it answered otherwise than Python, in words; none is what must be. */
  readonly wrong: readonly string[]
}

const HEADINGS: readonly [Outcome['kind'], string, string][] = [
  ['refused', 'Refused', 'They convert without an error, and answer otherwise: they run in Python.'],
  ['not converted', 'Without a converter', 'They run in Python.'],
  ['late', 'Late', 'They were not registered, converted and asked within the limit.'],
  ['converted', 'Converted', 'They run as ONNX, with every row that was compared within what is allowed.'],
  ['unfit', 'Not asked for', 'They do not fit the small table, or are made otherwise than with their defaults.'],
]

/** The page that lists what became of each estimator, and why. */
export function reportOf(outcomes: readonly Outcome[]): string {
  const of = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind)
  const asked = outcomes.length - of('unfit').length
  const parts = HEADINGS.flatMap(([kind, heading, meaning]) => {
    const found = of(kind)
    if (found.length === 0) return []
    const rows = found.map(({ name, reason }) => `| ${name} | ${plain(reason)} |`)
    return [`## ${heading}: ${found.length}`, '', meaning, '', '| estimator | why |', '|---|---|', ...rows, '']
  })
  return [
    '# What converts to ONNX',
    '',
    '<!-- Written by `TIDEMARK_WRITE_REPORT=1 npm run test:journeys -- conversions`. Do not edit. -->',
    '',
    `Every estimator of scikit-learn that predicts or transforms, alone on a table of numbers and in a pipeline with texts and missing values, was registered`,
    `through MLflow's client, converted, compared, served, and asked rows that it was not fitted on. ${asked} fit the table; ${of('converted').length} run as ONNX, the others in Python.`,
    `Answers that were wrong: ${outcomes.reduce((sum, { wrong }) => sum + wrong.length, 0)}.`,
    '',
    ...parts,
  ].join('\n')
}

/** A reason on one line of a table, without what says where it happened. */
function plain(reason: string): string {
  return reason
    .replace(/^It runs (in Python|as ONNX): /, '')
    .replaceAll('|', '\\|')
    .replace(/\s+/g, ' ')
    .replace(/<class '([\w.]+)'>/g, '$1')
    .slice(0, 200)
}
