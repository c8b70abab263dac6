import type { ContextEntry } from "@container-kit/context-sharing";
import type { NamedEntry } from "../types.ts";

/** An entry that a call took, as its outcome tells it. */
export type UsedEntry = NamedEntry & { readonly as?: string };

/** An entry as an outcome names it: with who made it, without its value. */
export function nameEntry({ type, key, version, producer }: ContextEntry): NamedEntry {
  return { type, key, version, tool: producer.tool, executionId: producer.executionId };
}

/** Whether two names are of the same version of the same entry. */
export function isSameEntry(one: NamedEntry, other: Pick<NamedEntry, "type" | "key" | "version">): boolean {
  return one.type === other.type && one.key === other.key && one.version === other.version;
}
