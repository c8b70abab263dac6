/** The library ships no types; these cover what is used. */
declare module "@balena/dockerignore" {
  interface Matcher {
    add(patterns: string | readonly string[]): Matcher;
    ignores(path: string): boolean;
  }
  const dockerignore: (options?: { ignorecase?: boolean }) => Matcher;
  export default dockerignore;
}
