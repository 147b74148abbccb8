export type NumberOperator = '=' | '!=' | '<' | '<=' | '>' | '>='
export type TextOperator = '=' | '!=' | 'LIKE' | 'ILIKE'
export type ListOperator = 'IN' | 'NOT IN'
export type Entity = 'metric' | 'parameter' | 'tag' | 'attribute' | 'dataset'

/** One comparison of a filter; all of a filter's comparisons must hold. */
export type Clause =
  | {
      readonly kind: 'number'
      readonly of: Entity
      readonly key: string
      readonly operator: NumberOperator
      readonly value: number
    }
  | {
      readonly kind: 'text'
      readonly of: Entity
      readonly key: string
      readonly operator: TextOperator
      readonly value: string
    }
  | {
      readonly kind: 'list'
      readonly of: Entity
      readonly key: string
      readonly operator: ListOperator
      readonly values: readonly string[]
    }
  | { readonly kind: 'presence'; readonly of: 'parameter' | 'tag'; readonly key: string; readonly present: boolean }

export interface SortKey {
  readonly of: Entity
  readonly key: string
  readonly ascending: boolean
}

/** What an attribute is called inside, and how it compares. */
export interface Attribute {
  readonly column: string
  readonly type: 'text' | 'number'
}

/** What a key names: `asked` is its name in the request, `key` the one inside. */
export interface Named {
  readonly of: Entity
  readonly asked: string
  readonly key: string
  readonly type: 'text' | 'number'
}

/** What may be asked of one kind of thing: MLflow's grammar is the same for all, names, limits and words differ. */
export interface Dialect {
  /** Prefix before the dot, as in `metrics.rmse`, to the entity it means. */
  readonly entities: Readonly<Record<string, Entity>>
  /** Attributes of filters by name as asked; those of type number compare by size. */
  readonly attributes: Readonly<Record<string, Attribute>>
  /** Attributes one may sort by: name as asked to the name inside. */
  readonly sortable: Readonly<Record<string, string>>
  /** Entities one may sort by. */
  readonly sortEntities: readonly Entity[]
  /** May a key be given twice in a sort? The first counts. */
  readonly repeatedSortKeys: boolean
  /** Entities that may be tested with IS NULL and IS NOT NULL. */
  readonly nullable: readonly Entity[]
  /** Operators of a key, IN and NOT IN among them where a list may be asked. */
  readonly operators: (named: Named) => readonly string[]
  /** May the number of a numeric attribute be given as text? */
  readonly numbersAsText: boolean
  /** The words of its errors. */
  readonly words: Words
}

export interface Words {
  readonly unreadable: (pieces: readonly string[], filter: string) => string
  readonly blank: (filter: string) => string
  readonly several: (filter: string) => string
  readonly unknownPrefix: (prefix: string) => string
  readonly unknownKey: (key: string) => string
  readonly notNullable: (named: Named) => string
  readonly badOperator: (named: Named, operator: string) => string
  readonly noList: (named: Named, value: string) => string
  readonly badValue: (named: Named, value: string) => string
  readonly badSortEntity: (of: Entity, key: string, text: string) => string
  readonly unknownSortKey: (key: string) => string
}
