import type { Difference } from './differences.ts'

/** How Tidemark differs in webhooks and evaluation datasets. */
export const WEBHOOK_AND_DATASET_DIFFERENCES: readonly Difference[] = [
  {
    kind: 'outcome',
    stock: 'fails with a page of HTML',
    ours: 'names the wrong value',
    reason: "It is the request's mistake.",
    shown: {
      'webhooks: what is refused': ['with an unknown entity', 'with an unknown action'],
      'evaluation datasets: life': ['create with tags that are no JSON'],
      'evaluation datasets: records': ['what is no JSON', 'records, none at a time'],
    },
  },
  {
    kind: 'outcome',
    stock: 'takes an unknown status for ACTIVE',
    ours: 'refuses it',
    reason: 'Who misspells DISABLED must not get a webhook that calls.',
    shown: { 'webhooks: what is refused': ['with an unknown status'] },
  },
  {
    kind: 'outcome',
    stock: 'INTERNAL_ERROR with the words of a Python exception',
    ours: 'INVALID_PARAMETER_VALUE that says what the value must be',
    reason: "It is the request's mistake.",
    shown: {
      'evaluation datasets: life': ['create with a list of tags'],
      'evaluation datasets: records': ['an object', 'a record whose inputs are text'],
    },
  },
  {
    kind: 'outcome',
    stock: 'BAD_REQUEST with the SQL statement that failed',
    ours: 'RESOURCE_DOES_NOT_EXIST, as for every other request to an unknown dataset',
    reason: "SQL is nobody's business.",
    shown: { 'evaluation datasets: records': ['to an unknown dataset'] },
  },
]
