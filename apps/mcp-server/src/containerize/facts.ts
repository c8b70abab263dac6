/**
 * Reads members of a tool's result: the tools are plugins, so that what they return is known by name only.
 */
export type Facts = Readonly<Record<string, unknown>>;

export function textOf(facts: Facts, key: string): string | undefined {
  const value = facts[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function numberOf(facts: Facts, key: string): number | undefined {
  const value = facts[key];
  return typeof value === "number" ? value : undefined;
}

export function factsOf(facts: Facts, key: string): Facts {
  const value = facts[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Facts) : {};
}

/** The entries of a list that are objects. */
export function listOf(facts: Facts, key: string): readonly Facts[] {
  const value = facts[key];
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is Facts => typeof item === "object" && item !== null);
}

/** The entries of a list as sentences: texts as they are, objects by their `message`. */
export function sentencesOf(facts: Facts, key: string): readonly string[] {
  const value = facts[key];
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    if (typeof item === "string") return [item];
    const message = factsOf({ item }, "item")["message"];
    return typeof message === "string" ? [message] : [];
  });
}
