/** What a repository says of itself. */
export interface PackageIdentity {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/**
 * A name for the image when none was given: the package's name and version, made to fit the grammar of references.
 *
 * @param folder the repository's folder name, for a package without a name
 */
export function defaultImage({ name, version }: PackageIdentity, folder: string): string {
  const repository = sanitizeRepository(name ?? "") || sanitizeRepository(folder) || "app";
  const tag = (version ?? "").replace(/[^\w.-]+/g, "-").slice(0, 128);
  return `${repository}:${/^\w/.test(tag) ? tag : "latest"}`;
}

/** One path component of a repository: lower case, single separators, none at the ends. */
function sanitizeRepository(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 100)
    .replace(/-$/, "");
}
