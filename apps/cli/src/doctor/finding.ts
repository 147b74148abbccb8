/** What a check found. Only `missing` keeps the platform from running. */
export type Finding =
  | { readonly kind: 'fine'; readonly subject: string; readonly found: string }
  | { readonly kind: 'note' | 'missing'; readonly subject: string; readonly found: string; readonly todo: string }

/** All is well with the subject. */
export function fine(subject: string, found: string): Finding {
  return { kind: 'fine', subject, found }
}

/** Works, but somebody should know. */
export function note(subject: string, found: string, todo: string): Finding {
  return { kind: 'note', subject, found, todo }
}

/** Keeps the platform from running, until the person does `todo`. */
export function missing(subject: string, found: string, todo: string): Finding {
  return { kind: 'missing', subject, found, todo }
}

const MARKS = { fine: 'ok     ', note: 'note   ', missing: 'MISSING' } as const

/** One line: mark, subject, what was found, what to do. */
export function describe(finding: Finding): string {
  const todo = finding.kind === 'fine' ? 'nothing to do' : finding.todo
  return `${MARKS[finding.kind]}  ${finding.subject.padEnd(12)} ${finding.found} → ${todo}`
}
