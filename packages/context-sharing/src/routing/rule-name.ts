/** The name of a rule that was given none: what it is about and what it does, and a number where that is taken. */
export function withName(rule: unknown, taken: ReadonlySet<string>): unknown {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) return rule;
  const { name, fromTool, errorCodes, categories, action, toTool } = rule as Readonly<Record<string, unknown>>;
  if (name !== undefined) return rule;
  const words = [fromTool, errorCodes, categories, action === "route" ? ["to", toTool] : action].flat();
  const said = words.filter((word) => typeof word === "string").join("-");
  const base = trim(trim(said.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")).slice(0, LONGEST)) || "rule";
  let free = base;
  for (let at = 2; taken.has(free); at += 1) free = `${base}-${at}`;
  return { ...rule, name: free };
}

/** Leaves room for a number. */
const LONGEST = 58;

function trim(text: string): string {
  return text.replaceAll(/^-+|-+$/g, "");
}
