/** Words that make a variable's name that of a secret; BuildKit's check SecretsUsedInArgOrEnv uses much the same. */
const secretWords = new Set(
  ["apikey auth credential credentials key passphrase password passwd pword pwd secret secrets token"].flatMap((line) =>
    line.split(" "),
  ),
);
/** Words that take it back: what is public, or names a file or an identity rather than holding a value. */
const publicWords = new Set(["public", "publishable", "id", "file", "path", "name", "url", "type", "enabled"]);

/** Whether a variable of that name is likely to hold a secret. */
export function isSecretName(name: string): boolean {
  const words = name.toLowerCase().split(/[_-]+/);
  return words.some((word) => secretWords.has(word)) && !words.some((word) => publicWords.has(word));
}
