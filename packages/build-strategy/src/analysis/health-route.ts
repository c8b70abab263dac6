/** The routes that are health checks by name, the most usual first. */
const healthPaths = [
  "/health",
  "/healthz",
  "/healthcheck",
  "/health-check",
  "/readyz",
  "/ready",
  "/livez",
  "/live",
  "/api/health",
  "/api/healthz",
  "/ping",
];

const named = new Set(healthPaths);

/**
 * A route is only known when it hangs on the program itself: one of a router or of a plugin may be mounted below any
 * prefix, and a client asks for other people's routes. So in a file that does not listen only `app.` counts.
 */
const onApp = /\bapp\.(?:get|all|use)\(\s{0,20}["'`](\/[\w/-]{1,40})["'`]/g;
const whereListening = [
  /\b(?:server|fastify)\.(?:get|all)\(\s{0,20}["'`](\/[\w/-]{1,40})["'`]/g,
  /\b(?:url|pathname|path)\s{0,5}={2,3}\s{0,5}["'`](\/[\w/-]{1,40})["'`]/g,
  /\b(?:url|path)\s{0,5}:\s{0,5}["'`](\/[\w/-]{1,40})["'`]/g,
];

/** The health routes of one file's code. */
export function findHealthRoutes(code: string, listens: boolean): string[] {
  const found = new Set<string>();
  for (const pattern of listens ? [onApp, ...whereListening] : [onApp]) {
    for (const match of code.matchAll(pattern)) if (named.has(match[1] ?? "")) found.add(match[1] ?? "");
  }
  return [...found];
}

/** The best of the routes that were found, or null. */
export function preferredHealthRoute(found: ReadonlySet<string>): string | null {
  return healthPaths.find((path) => found.has(path)) ?? null;
}

/** The health route that a file is by its place: `app/api/health/route.ts`, `pages/api/health.js` (next), `server/routes/health.ts` (nuxt). */
export function healthRouteOfFile(path: string): string | null {
  const place = path.replace(/^src\//, "");
  const route =
    /^app(\/[\w/-]{1,60})\/route\.[jt]sx?$/.exec(place)?.[1] ??
    /^pages(\/api\/[\w/-]{1,60})\.[jt]sx?$/.exec(place)?.[1]?.replace(/\/index$/, "") ??
    /^server\/routes(\/[\w/-]{1,60})(?:\.get)?\.[jt]s$/.exec(place)?.[1] ??
    /^server(\/api\/[\w/-]{1,60})(?:\.get)?\.[jt]s$/.exec(place)?.[1] ??
    /^src\/routes(\/[\w/-]{1,60})\/\+server\.[jt]s$/.exec(path)?.[1];
  return route !== undefined && named.has(route) ? route : null;
}
