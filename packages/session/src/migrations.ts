import type { PackageSchema } from "@container-kit/storage";
import { sessionProjection } from "./projection.ts";
import { recordMigrations } from "./record-schema.ts";
import { stateMigrations } from "./state-schema.ts";

/** The tables of this package, as steps, and how those of the record come of the journal. */
export const sessionSchema: PackageSchema = {
  package: "session",
  state: stateMigrations,
  record: recordMigrations,
  projection: sessionProjection,
};
