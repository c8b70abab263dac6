/** A prepared statement that answers. */
export interface Query<Row> {
  get(values?: Readonly<Record<string, unknown>>): Row | undefined;
  all(values?: Readonly<Record<string, unknown>>): readonly Row[];
}

/** A prepared statement that changes rows. */
export interface Change {
  run(values?: Readonly<Record<string, unknown>>): { readonly changes: number };
}
