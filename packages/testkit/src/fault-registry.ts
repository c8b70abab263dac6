/**
 * A registry that misbehaves as told: a proxy on loopback, with or without TLS, in front of a real `docker-registry` of
 * its own, with a token service if one is wanted.
 *
 * Invariants:
 * - Y1  A request that no rule matches is answered by the real registry, streams included.
 * - Y2  A rule counts each time it fires, so that a test can assert that its fault really happened.
 * - Y3  The door checks the client's credential and never passes it on: the proxy has its own for the registry behind.
 * - Y4  Every request is written down with its headers before anything else is done with it: that a credential never
 *       came is seen, not guessed.
 * - Y5  `close` ends every connection, those that hang included, and the registry.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { makeCertificate } from "./certificates.ts";
import type { Certificate, CertificateKind } from "./certificates.ts";
import { answerExchange, RegistryState } from "./fault-registry-exchange.ts";
import type { RegistryFaultRule, SeenRegistryRequest } from "./fault-registry-faults.ts";
import { basicGate, bearerGate } from "./registry-gate.ts";
import type { RegistryUsers } from "./registry-process.ts";
import { startRegistry } from "./registry.ts";
import type { RegistryAccess } from "./registry.ts";
import { TokenService } from "./token-service.ts";
import type { TokenRequest } from "./token-service.ts";

/** What a registry that misbehaves asks for, and what it does wrong. */
export interface FaultRegistryOptions {
  /** Who may push and pull. One user `test` with the password `test` by default. */
  readonly users?: RegistryUsers;
  /** Tried in order; the first that matches and is not used up fires. */
  readonly rules?: readonly RegistryFaultRule[];
  /** Whether it asks for a password itself or sends clients to its token service. `basic` by default. */
  readonly auth?: "basic" | "bearer";
  /** Speaks TLS with such a certificate; plain HTTP by default. An engine only checks it outside of 127.0.0.0/8. */
  readonly tls?: CertificateKind;
  /** The address to listen on, of this machine; 127.0.0.1 by default. */
  readonly address?: string;
  /** With bearer: whether the token service has a host of its own (127.0.0.2). `same` by default. */
  readonly tokenHost?: "same" | "other";
  /** With bearer: where clients are told to get their token, in place of the token service's own address. */
  readonly realm?: string;
  /** With bearer: milliseconds that a token is good for; 300,000 by default. */
  readonly tokenLifetimeMs?: number;
  /** With bearer: gives who shows no credential a token to pull with. Off by default. */
  readonly anonymousPull?: boolean;
}

/** A registry that misbehaves as told. */
export interface FaultRegistry {
  /** `127.0.0.1:PORT`, as it stands at the front of an image reference. */
  readonly host: string;
  /** `http://…` or `https://…`, without a slash at the end. */
  readonly url: string;
  readonly users: RegistryUsers;
  /** With TLS: a PEM file with the authority that signed the certificate. */
  readonly caFile: string | undefined;
  /** The real registry, for truth checks past the proxy with {@link registryRequest}. */
  readonly behind: Required<RegistryAccess>;
  /** How often a rule fired. */
  readonly fired: (rule: RegistryFaultRule) => number;
  /** Every request so far, in order, those to the token service included. */
  readonly requests: () => readonly SeenRegistryRequest[];
  /** What was asked of the token service and what came of it, in order. */
  readonly tokenRequests: () => readonly TokenRequest[];
  /** Ends every token that was given so far, as if its time were over. */
  readonly expireTokens: () => void;
  /** Makes an identity token for a user, as a sign-in leaves it in a client's configuration. */
  readonly identityToken: (username: string) => string;
  /** Puts other rules in place; counts of rules that stay go on. */
  readonly setRules: (rules: readonly RegistryFaultRule[]) => void;
  readonly close: () => Promise<void>;
}

const OTHER_HOST = "127.0.0.2";

/** Starts the registry and what is in front of it. It ends with `close`, or with this process. */
export async function startFaultRegistry(options: FaultRegistryOptions = {}): Promise<FaultRegistry> {
  const proxy = { username: "proxy", password: randomBytes(16).toString("hex") };
  const registry = await startRegistry({ users: { [proxy.username]: proxy.password } });
  const folder = mkdtempSync(join(tmpdir(), "container-kit-fault-registry-"));
  const end = async (): Promise<void> => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return await putInFront(options, { behind: { host: registry.host, ...proxy }, folder, end });
  } catch (error) {
    await end();
    throw error;
  }
}

interface Back {
  readonly behind: Required<RegistryAccess>;
  readonly folder: string;
  readonly end: () => Promise<void>;
}

async function putInFront(options: FaultRegistryOptions, { behind, folder, end }: Back): Promise<FaultRegistry> {
  const { users = { test: "test" }, address = "127.0.0.1", tls, tokenLifetimeMs, anonymousPull = false } = options;
  const certificate = tls === undefined ? undefined : makeCertificate(tls, [address, OTHER_HOST, "localhost"]);
  const caFile = certificate === undefined ? undefined : join(folder, "ca.pem");
  if (caFile !== undefined) writeFileSync(caFile, certificate?.ca ?? "");
  const scheme = certificate === undefined ? "http" : "https";
  const tokens = new TokenService({ users, lifetimeMs: tokenLifetimeMs ?? 300_000, anonymousPull });
  const realm = (): string => options.realm ?? `${scheme}://${(tokenServer ?? server).host}/token`;
  const gate = options.auth === "bearer" ? bearerGate(tokens, realm) : basicGate(users);
  const state = new RegistryState(options.rules);
  const listener: RequestListener = (request, response) =>
    void answerExchange({ request, response, behind, scheme, gate, tokens, state });
  const server = await listen(listener, address, certificate);
  const tokenServer = options.tokenHost === "other" ? await listen(listener, OTHER_HOST, certificate) : undefined;
  return {
    host: server.host,
    url: `${scheme}://${server.host}`,
    users,
    caFile,
    behind,
    fired: (rule) => state.fired(rule),
    requests: () => [...state.seen],
    tokenRequests: () => [...tokens.requests],
    expireTokens: () => tokens.expireTokens(),
    identityToken: (username) => tokens.identityToken(username),
    setRules: (rules) => state.setRules(rules),
    close: async () => {
      await Promise.all([server.close(), tokenServer?.close()]);
      await end();
    },
  };
}

interface Listening {
  readonly host: string;
  readonly close: () => Promise<void>;
}

async function listen(listener: RequestListener, address: string, certificate?: Certificate): Promise<Listening> {
  const server: Server =
    certificate === undefined
      ? createServer(listener)
      : createTlsServer({ key: certificate.key, cert: certificate.cert }, listener);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // An answer may be long in coming: the client's deadlines are what is under test, not ours.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { host: `${address}:${port}`, close };
}
