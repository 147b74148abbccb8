const WIDTH = 110

/** The numbers of an event or decision as lines for a terminal, `name value` pairs, wrapped. */
export function shownEvidence(evidence: unknown): string[] {
  if (evidence === null || typeof evidence !== 'object') return []
  const lines: string[] = []
  let line = ''
  for (const [name, value] of Object.entries(evidence)) {
    if (value === null || typeof value === 'object') continue
    const pair = `${name} ${shown(value)}`
    if (line !== '' && line.length + pair.length + 3 > WIDTH) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? pair : `${line} · ${pair}`
  }
  return line === '' ? lines : [...lines, line]
}

function shown(value: unknown): string {
  if (typeof value !== 'number') return String(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value)
  return String(Number(value.toPrecision(4)))
}
