import type { Difference } from './differences.ts'

/** How Tidemark differs in registered models, versions and aliases. */
export const REGISTRY_DIFFERENCES: readonly Difference[] = [
  {
    kind: 'words',
    stock: 'tells the SQL statement after “already exists.”',
    ours: 'says no more',
    reason: "SQL is nobody's business.",
    shown: {
      'registered models: life': ['rename to another'],
    },
  },
  {
    kind: 'fields',
    stock: 'leaves a description out of the answer after an update without one',
    ours: 'has the empty one',
    reason: 'Both say that there is none.',
    shown: {
      'model versions: life': ['describe without text'],
    },
  },
  {
    kind: 'fields',
    stock: 'gives the source as it was registered, `runs:/…`',
    ours: 'gives the address where the files are',
    reason: 'Files of a version are frozen when it is registered; the address of a run may be deleted.',
    shown: {
      'model versions: life': ['download address'],
    },
  },
  {
    kind: 'outcome',
    stock: 'INTERNAL_ERROR',
    ours: 'the same words with INVALID_PARAMETER_VALUE',
    reason: "It is the request's mistake.",
    shown: {
      'model versions: life': ['to None, archiving'],
    },
  },
  {
    kind: 'outcome',
    stock: 'registers a version of a run that is not there',
    ours: 'refuses it',
    reason: 'A version is what can be loaded; its files are frozen at that moment.',
    shown: {
      'model versions: sources': ['of an unknown run'],
    },
  },
  {
    kind: 'words',
    stock: 'names the setting that would allow it, or other forms of address',
    ours: 'says which sources there are',
    reason: 'Other addresses are never opened.',
    shown: {
      'model versions: sources': ['of a file address', 'of HTTP', 'of HTTPS', 'of nothing'],
    },
  },
  {
    kind: 'outcome',
    stock: 'INTERNAL_ERROR',
    ours: 'INVALID_PARAMETER_VALUE',
    reason: "It is the request's mistake.",
    shown: {
      'model versions: sources': ['of an unknown logged model'],
    },
  },
  {
    kind: 'fields',
    stock: 'keeps no history of aliases',
    ours: 'shows it in tags `tidemark.alias_history.…` of the model',
    reason: 'So any MLflow client can ask what an alias meant at an instant.',
    shown: {
      aliases: ['the model', 'the model afterwards'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails with a page of HTML',
    ours: 'says that the registry has no IS NULL',
    reason: 'A request must not end as a failure of the server.',
    shown: {
      'search of registered models': ['filter tags.k IS NULL'],
      'search of model versions': ['filter tags.k IS NULL'],
    },
  },
  {
    kind: 'outcome',
    stock: 'does not know `name` in backticks or `attribute.name` here',
    ours: 'knows both',
    reason: 'Searches of versions and experiments know them.',
    shown: {
      'search of registered models': ["filter `name` = '{u} alpha'", 'order by ["attribute.name"]'],
    },
  },
  {
    kind: 'words',
    stock: 'cannot parse the key, as VERSION is a word of SQL to it',
    ours: 'lists the keys that there are',
    reason: 'The same refusal.',
    shown: {
      'search of model versions': ['order by ["version"]'],
    },
  },
]
