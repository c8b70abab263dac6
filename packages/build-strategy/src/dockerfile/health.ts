import { execForm } from "./text.ts";

export interface HealthInput {
  readonly program: "node" | "bun";
  readonly major: number;
  readonly port: number;
  /** Whether the program listens on what PORT says. */
  readonly readsPort: boolean;
  /** A route that tells health, or null to accept every answer that is no server error. */
  readonly path: string | null;
}

/**
 * The HEALTHCHECK instruction. It asks with the runtime itself, because small images have neither curl nor wget, and in
 * exec form, because it must not depend on a shell.
 */
export function healthcheck(input: HealthInput): string {
  const command = execForm([input.program, "-e", probe(input)]);
  return `HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \\\n    CMD ${command}`;
}

function probe({ program, major, port, readsPort, path }: HealthInput): string {
  const address = readsPort
    ? `'http://127.0.0.1:'+(process.env.PORT||${port})+'${path ?? "/"}'`
    : `'http://127.0.0.1:${port}${path ?? "/"}'`;
  const hasFetch = program === "bun" || major >= 18;
  const status = hasFetch ? "r.status" : "r.statusCode";
  const good = path === null ? `${status}<500` : `${status}>=200&&${status}<300`;
  // A known health route must answer by itself; any other answer, also a redirect, shows that requests are served.
  if (hasFetch) return `fetch(${address},{redirect:'manual'}).then(r=>process.exit(${good}?0:1),()=>process.exit(1))`;
  return `require('http').get(${address},r=>process.exit(${good}?0:1)).on('error',()=>process.exit(1))`;
}
