import type { Difference } from './differences.ts'

/** How Tidemark differs in experiments, runs, metrics, searches and logged models. */
export const TRACKING_DIFFERENCES: readonly Difference[] = [
  {
    kind: 'words',
    stock: "tells the SQL statement, its parameters and the database's own error after “already exists.”",
    ours: 'says “already exists.” and no more',
    reason: "SQL and values of other requests are nobody's business; clients look at the code.",
    shown: {
      'experiments: life': ['create again', 'create under the name of a deleted one'],
    },
  },
  {
    kind: 'error code',
    stock: 'answers BAD_REQUEST with the SQL statement that failed',
    ours: 'RESOURCE_ALREADY_EXISTS, as when one is created under a name that is taken',
    reason: 'The same mistake has one answer.',
    shown: {
      'experiments: life': ['rename to the default'],
    },
  },
  {
    kind: 'words',
    stock: 'reads a tag without key as one with an empty key and refuses that name',
    ours: 'says that the key is missing',
    reason: 'It says what is wrong.',
    shown: {
      'experiments: bad requests': ['tag without key'],
      'registered models: bad requests': ['tag without key'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails on a constraint of its database, and tells the statement',
    ours: 'takes the last value',
    reason: 'Nothing is wrong with such a request: setting the tag twice in turn gives the same.',
    shown: {
      'experiments: bad requests': ['tag given twice'],
      'runs: create': ['tag given twice'],
      'logged models: create': ['tag twice'],
    },
  },
  {
    kind: 'outcome',
    stock:
      'stops reading at a value of the wrong type or at a missing field, and goes on with what it has read: a run starts at 0, a metric is logged as 0, a data set has no name',
    ours: 'refuses the request and names the field',
    reason: 'What is acknowledged must be what was sent.',
    shown: {
      'experiments: bad requests': ['tag value is a number'],
      'experiments: bodies': ['half a surrogate'],
      'experiments: search': ['view as an unknown number', 'view as an unknown word', 'order_by holds a number'],
      'runs: create': ['start is a fraction', 'start is true', 'start beyond 64 bits', 'tags is text'],
      'runs: bad requests': ['unknown status', 'status is true'],
      'logging: metrics': ['true', 'timestamp is a fraction', 'step beyond 64 bits'],
      'logging: batches': ['metric value is text', 'parameter value is a number'],
      'logging: history': ['page of text'],
      'inputs and outputs': [
        'without data set',
        'without name',
        'without digest',
        'without source',
        'without source type',
        'tag without key',
        'output without id',
      ],
      'search of runs: order and pages': [
        'max_results 2.5',
        'experiment is a number',
        'unknown view',
        'unknown number of a view',
      ],
      'logged models: life': ['finalise as nonsense'],
      'logged models: search': ['order by [{"field_name":"name","ascending":"x"}]'],
    },
  },
  {
    kind: 'words',
    stock: 'reads the value of the wrong type as 0 or empty, and refuses that',
    ours: 'names the value that was sent and its type',
    reason: 'The same strictness as above.',
    shown: {
      'experiments: search': ['max_results 1.5'],
      'logging: batches': ['metric key is a number'],
    },
  },
  {
    kind: 'fields',
    stock: 'has 0 for metrics that were sent as 1e400 and as “nan”: it stopped reading there',
    ours: 'has the largest double and NaN',
    reason: 'The same strictness as above, where a value can be understood.',
    shown: {
      'logging: metrics': ['get'],
    },
  },
  {
    kind: 'outcome',
    stock: 'keeps an address with a query',
    ours: 'refuses it',
    reason: 'A location names a folder, and is continued with paths.',
    shown: {
      'experiments: bad requests': ['location with a query'],
    },
  },
  {
    kind: 'error code',
    stock: 'takes `mlflow-artifacts:/../..` (here the name is taken by the request before)',
    ours: 'refuses the path',
    reason: 'Paths that climb are refused where they enter.',
    shown: {
      'experiments: bad requests': ['location that climbs'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails with INTERNAL_ERROR on a number beyond 64 bits',
    ours: 'refuses the id; compares the number in a filter as a double',
    reason: 'A request must not end as a failure of the server.',
    shown: {
      'experiments: bad requests': ['get of a number beyond 64 bits'],
      'search of runs: filters': ['start_time > 99999999999999999999'],
    },
  },
  {
    kind: 'outcome',
    stock: 'checks the JSON of its tags for archiving traces',
    ours: 'keeps it as any other tag',
    reason: 'Traces are not part of this release.',
    shown: {
      'experiments: bad requests': ['tag of a trace that must be JSON'],
    },
  },
  {
    kind: 'outcome',
    stock: 'refuses `Application/JSON`',
    ours: 'takes it',
    reason: 'Media types do not depend on case (RFC 9110, 8.3.1).',
    shown: {
      'experiments: bodies': ['JSON in capitals'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails with a page of HTML',
    ours: 'reads it as an empty body',
    reason: 'A request must not end as a failure of the server.',
    shown: {
      'experiments: bodies': ['a list', 'a number'],
    },
  },
  {
    kind: 'outcome',
    stock: 'keeps the character NUL on SQLite; on PostgreSQL it fails',
    ours: 'refuses it',
    reason: 'PostgreSQL has no NUL in text.',
    shown: {
      'experiments: bodies': ['a NUL in a name'],
      'runs: bad requests': ['tag with a NUL'],
      'hostile requests': ['filter of a NUL'],
    },
  },
  {
    kind: 'outcome',
    stock: 'reads the body of a GET',
    ours: 'reads the query alone',
    reason: 'Bodies of GET have no meaning (RFC 9110, 9.3.1); no MLflow client sends one.',
    shown: {
      'experiments: bodies': ['a GET with its question in the body'],
    },
  },
  {
    kind: 'outcome',
    stock: 'knows LIKE in capitals alone where experiments are searched',
    ours: 'knows it in small letters too',
    reason: 'Searches of runs know both.',
    shown: {
      'experiments: search': ["name like '%-{u}'"],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails with INTERNAL_ERROR or a page of HTML',
    ours: 'says what is wrong with the request, and reads null as left out',
    reason: 'A request must not end as a failure of the server.',
    shown: {
      'experiments: search': ['token W10='],
      'search of runs: order and pages': ['token W10=', 'max_results null'],
      'logged models: search': ['bad token'],
    },
  },
  {
    kind: 'outcome',
    stock: 'counts from a negative offset',
    ours: 'refuses the token',
    reason: 'No page begins before the first.',
    shown: {
      'experiments: search': ['token eyJvZmZzZXQiOiAtMX0='],
      'search of runs: order and pages': ['token eyJvZmZzZXQiOiAtMX0='],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails on a foreign key of its database, and tells the statement',
    ours: 'creates the run in the default experiment',
    reason: "So MLflow's own store means it: without an id the default one is taken.",
    shown: {
      'runs: create': ['no experiment', 'empty experiment'],
    },
  },
  {
    kind: 'outcome',
    stock: 'checks names of tags and parameters in most requests, but not in this one',
    ours: 'checks them in all',
    reason: 'The name could not be changed or asked for later.',
    shown: {
      'runs: create': ['tag of a bad name'],
      'logged models: life': ['tag of a bad name', 'tag key of 251', 'parameter of a bad name'],
      'logged models: create': ['tag of a bad name'],
    },
  },
  {
    kind: 'fields',
    stock: 'keeps the whole value here (on SQLite), and cuts it to 8,000 characters in all other requests',
    ours: 'cuts it here too',
    reason: 'One rule for one thing.',
    shown: {
      'runs: create': ['tag value too long'],
    },
  },
  {
    kind: 'outcome',
    stock: 'keeps a name of any length on SQLite',
    ours: 'refuses more than 8,000 characters',
    reason: 'It is also the tag `mlflow.runName`, which has that limit.',
    shown: {
      'runs: bad requests': ['name of 8001'],
    },
  },
  {
    kind: 'fields',
    stock:
      'writes the tag `mlflow.log-model.history` with blanks and with fields that are null, and keeps the tag with a NUL',
    ours: 'writes the same JSON without blanks, as it was sent',
    reason: 'Clients parse it.',
    shown: {
      'runs: bad requests': ['get at the end'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails on a foreign key of its database, and tells the statement',
    ours: 'keeps the metric of the run; there is no model to keep it for',
    reason: "The run's metric is good, and a model may be deleted while it trains.",
    shown: {
      'logging: metrics': ['unknown model'],
    },
  },
  {
    kind: 'fields',
    stock: "leaves model inputs out of a search's runs",
    ours: 'gives them, as `runs/get` does',
    reason: 'One run has one shape.',
    shown: {
      'inputs and outputs': ['search'],
    },
  },
  {
    kind: 'fields',
    stock: 'a backslash in LIKE is a backslash on SQLite, an escape on PostgreSQL',
    ours: 'it is an escape',
    reason: "Tidemark's database is PostgreSQL: as stock MLflow on PostgreSQL.",
    shown: {
      'search of runs: filters': ["tags.note LIKE '%100\\%%'", "tags.note LIKE '%\\_%'"],
    },
  },
  {
    kind: 'words',
    stock: 'shows the pieces that its SQL tokenizer was left with (`constructor` is a word of SQL to it)',
    ours: 'shows the pieces that its own parser was left with',
    reason: 'The same refusal.',
    shown: {
      'search of runs: filters': ["constructor = 'x'", 'metrics.loss > 0.3, metrics.loss < 1'],
    },
  },
  {
    kind: 'outcome',
    stock: 'answers INTERNAL_ERROR to a key given twice',
    ours: 'the same words with INVALID_PARAMETER_VALUE',
    reason: "It is the request's mistake.",
    shown: {
      'search of runs: order and pages': [
        'order by ["metrics.loss","metrics.loss DESC"]',
        'order by ["start_time","start_time"]',
        'order by ["created","start_time"]',
      ],
      'search of registered models': [
        'order by ["name","name DESC"]',
        'order by ["timestamp","last_updated_timestamp"]',
      ],
      'search of model versions': ['order by ["name","name"]'],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails on a constraint of its database, and tells the statement',
    ours: 'takes a parameter again that has the same value',
    reason: 'As for runs.',
    shown: {
      'logged models: life': ['the same parameters'],
    },
  },
  {
    kind: 'error code',
    stock: 'fails on a constraint of its database, and tells the statement',
    ours: 'says which parameter has which value',
    reason: 'As for runs.',
    shown: {
      'logged models: life': ['other parameters'],
      'logged models: create': ['parameter twice'],
    },
  },
  {
    kind: 'outcome',
    stock: 'tags a logged model that is deleted',
    ours: 'says that there is no such model',
    reason: 'It is not found by any other request either.',
    shown: {
      'logged models: life': ['tags of deleted'],
    },
  },
  {
    kind: 'outcome',
    stock: 'takes values without quotes',
    ours: 'asks for quotes, as all other searches do',
    reason: 'One grammar for all searches.',
    shown: {
      'logged models: search': ['filter name = one', 'filter status = 2', 'filter params.d = 1'],
    },
  },
  {
    kind: 'fields',
    stock:
      'finds nothing: it keeps double quotes as part of the value, and compares the name of a status with its number',
    ours: 'finds the models',
    reason: 'One grammar for all searches; a status has the name that answers show.',
    shown: {
      'logged models: search': ['filter name = "one"', "filter status = 'LOGGED_MODEL_READY'"],
    },
  },
  {
    kind: 'words',
    stock: 'words the refusal of its own parser',
    ours: 'words it as all other searches do',
    reason: 'The same refusal.',
    shown: {
      'logged models: search': ['filter name IS NULL', "filter creation_timestamp LIKE '5'"],
    },
  },
  {
    kind: 'outcome',
    stock: 'fails with INTERNAL_ERROR',
    ours: 'says what is wrong with the filter',
    reason: 'A request must not end as a failure of the server.',
    shown: {
      'logged models: search': ["filter creation_timestamp = 'x'", "filter metrics.acc = 'x'", "filter color = 'red'"],
    },
  },
  {
    kind: 'error code',
    stock: 'has the class ATTRIBUTE_NOT_FOUND beside the same code and words',
    ours: 'has INVALID_PARAMETER_VALUE as class too',
    reason: 'The class follows from the code everywhere else.',
    shown: {
      'logged models: search': [
        'order by [{"field_name":"color"}]',
        'order by [{"field_name":""}]',
        'order by [{"ascending":true}]',
      ],
    },
  },
  {
    kind: 'fields',
    stock: 'finds nothing for a data set that is named without its digest: it asks for metrics that have none',
    ours: 'finds the metrics on that data set, whatever its digest',
    reason: "So the API's description says it.",
    shown: {
      'logged models: search': ['data sets', 'data sets without a filter', 'two data sets'],
    },
  },
  {
    kind: 'outcome',
    stock: 'answers a page of 0 or -1 with a token that leads to itself',
    ours: 'refuses it',
    reason: 'A client that follows the tokens would never end.',
    shown: {
      'logged models: search': ['max_results -1'],
      'search of registered models': ['max_results 0', 'max_results -1'],
    },
  },
  {
    kind: 'outcome',
    stock: 'has no limit for a page',
    ours: 'has 1,000, as for registered models',
    reason: 'A page is held in memory.',
    shown: {
      'logged models: search': ['max_results 1001'],
    },
  },
]
