import type { PackageSchema } from "@container-kit/storage";
import { entryMigrations } from "./entries/schema.ts";
import { eventMigrations } from "./events/schema.ts";

/** The tables of this package, as steps; all are of what is shared. */
export const contextSchema: PackageSchema = {
  package: "context",
  state: [],
  record: [],
  shared: [...entryMigrations, ...eventMigrations],
};
