/** Columns and rows, as `dataframe_split` has them. */
export interface Table {
  readonly columns: readonly string[]
  readonly data: readonly (readonly unknown[])[]
}
