/**
 * Reaches an engine through the docker program, where only that knows the way: ssh hosts, and endpoints of a docker
 * context that we do not speak. `docker system dial-stdio` gives the engine's own API on a program's standard input and
 * output, so every operation, its progress and its read-back stay what they are.
 *
 * - D1  The program runs in a process group of its own, without a terminal: nothing can ask for a password there, and
 *       when a connection is closed the group ends with it (ssh is a child of the program).
 * - D2  What it says on standard error is the reason of a connection that did not come about.
 * - D3  Where our first words come in while its ssh is ending, it names only the broken pipe and keeps ssh's reason to
 *       itself. It is started again and told nothing, and then it says the reason.
 */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { access, constants } from "node:fs/promises";
import http from "node:http";
import { delimiter, join } from "node:path";
import { Duplex } from "node:stream";
import type { EngineEndpoint } from "../endpoint/types.ts";
import { fail } from "../errors.ts";
import { dropIdle } from "./dialer.ts";
import type { Dialer } from "./dialer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** More of its words do not help. */
const LONGEST_REASON = 2000;
const KEPT_MS = 30_000;
/** How long a program that is told nothing may take to say why it cannot connect. */
const REASON_MS = 5_000;
/** What the docker program says of our words that it could not hand on. */
const LOST_WORDS = /stdin to stream/;

/** @throws ENGINE_BAD_ENDPOINT where there is no docker program */
export async function openDockerProgram(endpoint: EngineEndpoint, env: Environment): Promise<Dialer> {
  const program = await findProgram("docker", env);
  if (program === null) {
    throw fail(
      "ENGINE_BAD_ENDPOINT",
      `${endpoint.host} (${endpoint.source}) is reached by the docker program, and there is none`,
      {
        details: { host: endpoint.host, source: endpoint.source },
        remedy: "Install the docker command line client, or forward the engine's socket and set DOCKER_HOST to it.",
      },
    );
  }
  const connect = () => new ProgramConnection(() => startProgram(program, endpoint, env));
  const kept = new ProgramAgent(connect);
  return {
    kept: () => ({ host: "docker", agent: kept }),
    // Without an agent: with one, even `false`, node would not ask us for the connection.
    once: () => ({ host: "docker", createConnection: connect }),
    renew: () => dropIdle(kept),
    close: () => kept.destroy(),
  };
}

async function findProgram(name: string, env: Environment): Promise<string | null> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

function startProgram(
  program: string,
  { host, context }: EngineEndpoint,
  env: Environment,
): ChildProcessWithoutNullStreams {
  // Both would be at odds with what is named on the command line.
  const { DOCKER_HOST: _host, DOCKER_CONTEXT: _context, ...rest } = env;
  const where = context === undefined ? ["--host", host] : ["--context", context];
  return spawn(program, [...where, "system", "dial-stdio"], {
    env: { ...rest, SSH_ASKPASS_REQUIRE: "never" },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Keeps connections for the next question, as node's own agent does with sockets. */
class ProgramAgent extends http.Agent {
  readonly #connect: () => Duplex;

  constructor(connect: () => Duplex) {
    super({ keepAlive: true, maxSockets: 1, timeout: KEPT_MS });
    this.#connect = connect;
  }

  override createConnection(): Duplex {
    return this.#connect();
  }
}

/** A running program as a connection: with the few methods of a socket that node's HTTP client calls. */
class ProgramConnection extends Duplex {
  readonly #start: () => ChildProcessWithoutNullStreams;
  #child: ChildProcessWithoutNullStreams;
  #reason = "";
  #answered = false;
  #asksForReason = false;

  constructor(start: () => ChildProcessWithoutNullStreams) {
    super({ allowHalfOpen: true });
    this.#start = start;
    this.#child = this.#run();
  }

  #run(): ChildProcessWithoutNullStreams {
    const child = this.#start();
    child.on("error", (cause) => this.destroy(cause));
    child.stderr.on(
      "data",
      (chunk: Buffer) => (this.#reason = (this.#reason + chunk.toString()).slice(-LONGEST_REASON)),
    );
    child.stdout.on("data", (chunk: Buffer) => {
      this.#answered = true;
      if (!this.push(chunk)) child.stdout.pause();
    });
    // Its standard error is complete only when everything of it is closed.
    child.on("close", () => this.#end());
    child.stdin.on("error", () => {
      // The program ended; its own words tell why (D2).
    });
    return child;
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#asksForReason) done();
    else this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#asksForReason) done();
    else this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    killGroup(this.#child.pid);
    done(error);
  }

  #end(): void {
    if (this.destroyed) return;
    if (this.#answered) this.push(null);
    else if (LOST_WORDS.test(this.#reason) && !this.#asksForReason) this.#askForReason();
    else this.destroy(unreachable(this.#reason));
  }

  /** D3 */
  #askForReason(): void {
    const known = this.#reason;
    this.#asksForReason = true;
    this.#reason = "";
    this.#child = this.#run();
    const giveUp = setTimeout(() => this.destroy(unreachable(known)), REASON_MS);
    this.once("close", () => clearTimeout(giveUp));
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  /** A program that waits for the next question must not keep this process alive. */
  unref(): this {
    return this.#hold("unref");
  }

  ref(): this {
    return this.#hold("ref");
  }

  #hold(how: "ref" | "unref"): this {
    this.#child[how]();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr])
      if (how in stream) (stream as unknown as Record<typeof how, () => void>)[how]();
    return this;
  }
}

function unreachable(reason: string): Error {
  const text =
    reason.trim() === "" ? "the docker program ended without a connection" : reason.replace(/\s+/g, " ").trim();
  const isRefused = /permission denied|host key verification failed|authentication fail/i.test(reason);
  return isRefused
    ? fail("ENGINE_FORBIDDEN", `the engine's host does not let us in: ${text}`, {
        remedy: "Sign in there once with `ssh` by hand, so that the host is known and a key is accepted.",
      })
    : fail("ENGINE_UNAVAILABLE", `the docker program cannot reach the engine: ${text}`);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
