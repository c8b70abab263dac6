/**
 * The types that are known here, and what a kept row is by them.
 *
 * - T1  A value is checked by its schema when it is shared, and again only when an upgrade has changed it.
 * - T2  What is of an unknown type, of a newer schema, or cannot be upgraded is kept and not served; the log tells once.
 */
import { silentLogger } from "@container-kit/observability";
import type { Logger } from "@container-kit/observability";
import { fail, invalid } from "../errors.ts";
import { defineContextType } from "./context-type.ts";
import type { VersionRow } from "./tables.ts";
import type { ContextEntry, ContextType } from "./types.ts";

/** The registered types of one store. */
export class ContextTypes {
  readonly #types = new Map<string, ContextType>();
  readonly #told = new Set<string>();
  readonly #logger: Logger;

  constructor(types: readonly ContextType[], logger: Logger = silentLogger) {
    this.#logger = logger;
    for (const type of types) this.register(type);
  }

  /** @throws CONFLICT TypeError */
  register(type: ContextType): void {
    const checked = defineContextType(type);
    const present = this.#types.get(type.name);
    if (present === type) return;
    if (present !== undefined) {
      throw fail("CONFLICT", `another context type is registered as ${type.name}`, {
        remedy: "Give the type a name of its own.",
      });
    }
    this.#types.set(type.name, checked);
  }

  names(): readonly string[] {
    return [...this.#types.keys()].sort();
  }

  /** @throws INVALID_INPUT */
  need(name: string): ContextType {
    const type = this.#types.get(name);
    if (type !== undefined) return type;
    const known = this.#types.size === 0 ? "none is registered" : `registered are ${this.names().join(", ")}`;
    throw invalid("type", `${JSON.stringify(name.slice(0, 80))} is no context type; ${known}`);
  }

  /** Whether this program knows what such a row means. */
  knows({ type, schema }: Pick<VersionRow, "type" | "schema">): boolean {
    return schema <= (this.#types.get(type)?.version ?? (this.#types.has(type) ? 1 : 0));
  }

  /** The entry of a row; undefined where it cannot be served (T2). Fresh, so that a caller may change it. */
  entryOf(row: VersionRow): ContextEntry | undefined {
    const type = this.#types.get(row.type);
    if (type === undefined || !this.knows(row)) return undefined;
    try {
      const value = upgraded(JSON.parse(row.value), row.schema, type);
      return toEntry(row, row.version, value);
    } catch (error) {
      this.#tell(row, error);
      return undefined;
    }
  }

  #tell({ type, key, schema }: VersionRow, error: unknown): void {
    const about = `${type} ${schema}`;
    if (this.#told.has(about)) return;
    this.#told.add(about);
    this.#logger.warn("context entries of an older form cannot be served", { type, schema, key, error });
  }
}

function upgraded(kept: unknown, from: number, { version = 1, upgrades, schema }: ContextType): unknown {
  if (from === version) return kept;
  let value = kept;
  for (let step = from; step < version; step += 1) value = upgrades?.[step]?.(value);
  return schema.parse(value);
}

/** An entry with its version and its value, of a row. */
export function toEntry(row: Omit<VersionRow, "version">, version: number, value: unknown): ContextEntry {
  return {
    sessionId: row.session,
    type: row.type,
    key: row.key,
    value,
    version,
    producer: { tool: row.tool, executionId: row.execution },
    labels: row.labels === "{}" ? {} : (JSON.parse(row.labels) as Record<string, string>),
    createdAt: row.created,
    expiresAt: row.expires,
    size: row.size,
  };
}
