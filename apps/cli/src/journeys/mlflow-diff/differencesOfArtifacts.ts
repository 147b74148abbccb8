import type { Difference } from './differences.ts'

/** How Tidemark differs in artifacts and in the answers of the server itself. */
export const ARTIFACT_DIFFERENCES: readonly Difference[] = [
  {
    kind: 'outcome',
    stock: 'fails: INTERNAL_SERVER_ERROR as text',
    ours: 'says what stands in the way',
    reason: 'A request must not end as a failure of the server.',
    shown: {
      artifacts: ['put below a file', 'put over a folder'],
    },
  },
  {
    kind: 'headers',
    stock: 'writes the name of a download without quotes, and its encoded form only where it must',
    ours: 'always writes both forms; HTML comes as bytes, not as `text/html`',
    reason: 'RFC 6266 has both; what somebody logged never shows as a page of this origin.',
    shown: {
      artifacts: [
        'get',
        'get JSON',
        'get bytes',
        'get a page',
        'get an empty file',
        'get a name in unicode',
        'get a name with blanks',
        'head',
        'get-artifact',
        'get-artifact by run_id',
        'get the upload',
      ],
    },
  },
  {
    kind: 'headers',
    stock: 'no charset',
    ours: '`application/json; charset=utf-8`',
    reason: 'The same type.',
    shown: {
      artifacts: ['delete', 'delete again', 'delete a folder'],
    },
  },
  {
    kind: 'fields',
    stock: 'has another form of error here, with `detail` alone',
    ours: 'has the form of all other errors, with the same words',
    reason: 'Clients read error_code and message.',
    shown: {
      artifacts: ['get a folder'],
    },
  },
  {
    kind: 'outcome',
    stock: 'finds nothing',
    ours: 'refuses the path',
    reason: 'No path has a NUL.',
    shown: {
      artifacts: ['list with a NUL'],
    },
  },
  {
    kind: 'fields',
    stock: 'answers the error as `text/html`',
    ours: 'as JSON',
    reason: 'It is JSON.',
    shown: {
      artifacts: ['get-artifact without path'],
    },
  },
  {
    kind: 'outcome',
    stock: 'has uploads in parts on cloud stores alone, and answers NOT_IMPLEMENTED on a disk',
    ours: 'has them',
    reason: 'Large files need them.',
    shown: {
      'artifacts: parts and signed addresses': ['begin in parts', 'complete parts', 'abort parts'],
    },
  },
  {
    kind: 'headers',
    stock: 'no charset',
    ours: '`application/json; charset=utf-8`',
    reason: 'The same type.',
    shown: {
      artifacts: ['upload'],
    },
  },
  {
    kind: 'headers',
    stock: 'adds a charset or a type to an answer',
    ours: 'leaves it out',
    reason: 'Nothing reads it.',
    shown: {
      'the server itself': ['health', 'OPTIONS'],
    },
  },
  {
    kind: 'fields',
    stock: 'says what it can do',
    ours: 'says what Tidemark can do',
    reason: 'Clients choose by it.',
    shown: {
      'the server itself': ['server-info', 'server-info for pages'],
    },
  },
  {
    kind: 'fields',
    stock: 'shows its page of an unknown path',
    ours: "answers in the shape of Tidemark's own API outside of MLflow's paths",
    reason: 'Both are 404.',
    shown: {
      'the server itself': ['1.0'],
    },
  },
  {
    kind: 'outcome',
    stock: '405',
    ours: "404 in the shape of Tidemark's own API",
    reason: "Outside of MLflow's API paths.",
    shown: {
      'the server itself': ['POST of the version'],
    },
  },
  {
    kind: 'outcome',
    stock: 'redirects',
    ours: '404',
    reason: 'No client writes them; a redirect would lose the body of a POST.',
    shown: {
      'the server itself': ['two slashes'],
    },
  },
  {
    kind: 'outcome',
    stock: 'has no workspaces unless started with them',
    ours: 'always has them',
    reason: 'Every platform has the workspace `default`.',
    shown: {
      'the server itself': ['a workspace route', 'a workspace that is not there'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails with TEMPORARILY_UNAVAILABLE and the SQL statement',
    ours: 'refuses more than 60 comparisons',
    reason: 'A request must not end as a failure of the server, nor make it plan for minutes.',
    shown: {
      'hostile requests': ['filter of 200 comparisons'],
    },
  },
  {
    kind: 'outcome',
    stock: 'parses JSON as Python does: NaN as a word, a byte order mark before it',
    ours: 'parses JSON as RFC 8259 has it',
    reason: 'MLflow\'s clients send "NaN" in quotes and no such mark.',
    shown: {
      'hostile requests': ['NaN as a word of JSON', 'a byte order mark'],
    },
  },
  {
    kind: 'words',
    stock: 'shows bytes that are no UTF-8 as `%FF`',
    ours: 'as `%ff`',
    reason: 'They name nothing.',
    shown: {
      'hostile requests': ['query of bytes that are no UTF-8'],
    },
  },
]
