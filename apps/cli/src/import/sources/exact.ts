/** Steps and times of MLflow are 64 bits wide; beyond these neither JSON nor a double tells them apart. A condition of SQL. */
export const EXACT = 'between -9007199254740991 and 9007199254740991'
