/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+instead}`. */
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)(?:(:[-+])([^}]*))?\}|([A-Za-z_]\w*))/g;

const VARIABLE_ONCE = new RegExp(`^${VARIABLE.source}$`);

/** Puts the values of ARGs into a FROM, as the builder does (Dockerfile reference, "Environment replacement"). */
export function expandArguments(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(VARIABLE, (match) => {
    const [, braced, operator, word = "", plain = ""] = VARIABLE_ONCE.exec(match) ?? [];
    const value = values.get(braced ?? plain) ?? "";
    if (operator === ":-") return value === "" ? word : value;
    if (operator === ":+") return value === "" ? "" : word;
    return value;
  });
}
