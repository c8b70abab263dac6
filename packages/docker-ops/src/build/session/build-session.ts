/**
 * A BuildKit session: the connection on which the engine comes back to us for the Dockerfile, the context and
 * credentials (buildkit session, moby `POST /session`).
 *
 * - S1  The Dockerfile and the context are two folders, as with the docker CLI: a Dockerfile that `.dockerignore` names
 *       is built and does not enter the image.
 * - S2  Nothing of an earlier build is reused on the engine's side: it compares by size and time, and ours are fixed.
 * - S3  A credential is given for the host that is asked for, and for no other.
 * - S4  A secret is given by its id while a step runs; nothing of it goes into the request, and an id that is not known
 *       is NOT_FOUND, so that a step which can do without goes on.
 */
import { randomUUID } from "node:crypto";
import { textOf, readFields } from "../protobuf.ts";
import type { CredentialSource } from "../../credentials/types.ts";
import type { Transport } from "../../wire/transport.ts";
import type { ReadSecrets } from "../secrets.ts";
import { sendFolder } from "./file-sync.ts";
import type { OfferedFolder } from "./file-sync.ts";
import { GRPC_NOT_FOUND, GrpcError, serveGrpc } from "./grpc.ts";
import type { GrpcCall, GrpcMethod } from "./grpc.ts";
import { bytesField, varintField } from "./wire.ts";

export interface BuildSession {
  readonly id: string;
  close(): void;
}

export interface SessionParts {
  readonly transport: Transport;
  readonly dockerfile: OfferedFolder;
  readonly context: OfferedFolder;
  readonly resolveCredential: CredentialSource;
  readonly secrets: ReadSecrets;
  /** Is told what went wrong on our side: the engine's own words about it say less. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const SERVING = 1;

/** @returns null where the engine does not hand the connection over */
export async function openBuildSession(parts: SessionParts): Promise<BuildSession | null> {
  const id = randomUUID();
  const methods: Readonly<Record<string, GrpcMethod>> = {
    "/grpc.health.v1.Health/Check": (call) => call.send(varintField(1, SERVING)),
    "/moby.filesync.v1.FileSync/DiffCopy": (call) => reportErrors(copyFolder(call, parts), parts.onError),
    "/moby.filesync.v1.Auth/Credentials": (call) => reportErrors(giveCredential(call, parts), parts.onError),
    // Not reported: whether an unknown secret is a failure is the step's to say.
    "/moby.buildkit.secrets.v1.Secrets/GetSecret": (call) => giveSecret(call, parts.secrets),
  };
  const socket = await parts.transport.upgrade({
    path: "/session",
    protocol: "h2c",
    headers: {
      "X-Docker-Expose-Session-Uuid": id,
      "X-Docker-Expose-Session-Name": "container-kit",
      "X-Docker-Expose-Session-Sharedkey": id,
      "X-Docker-Expose-Session-Grpc-Method": Object.keys(methods),
    },
    signal: parts.signal,
    operation: "the build's session",
  });
  if (socket === null) return null;
  const session = serveGrpc(socket, methods);
  return {
    id,
    close: () => {
      session.destroy();
      socket.destroy();
    },
  };
}

async function copyFolder(call: GrpcCall, { dockerfile, context }: SessionParts): Promise<void> {
  if (call.metadata["dir-name"] === "dockerfile") await sendFolder(call, dockerfile);
  else await sendFolder(call, asksForIgnoreFile(call) ? NOTHING : context);
}

/** Before the context BuildKit asks for the ignore file alone. The rules are applied on our side, so there is none. */
function asksForIgnoreFile({ metadata }: GrpcCall): boolean {
  const paths = [metadata["followpaths"] ?? []].flat().flatMap((value) => value.split(","));
  return paths.length > 0 && paths.every((path) => path.trim().endsWith(".dockerignore"));
}

const NOTHING: OfferedFolder = {
  // oxlint-disable-next-line require-yield -- an empty folder yields nothing
  entries: async function* entries() {},
  open: () => Promise.reject(new Error("nothing was offered")),
};

/** `CredentialsRequest {host = 1}` to `CredentialsResponse {username = 1, secret = 2}`. */
async function giveCredential(call: GrpcCall, { resolveCredential, signal }: SessionParts): Promise<void> {
  for await (const message of call.messages) {
    let host = "";
    for (const field of readFields(message)) if (field.number === 1) host = textOf(field);
    const { username = "", password, identityToken } = await resolveCredential(host, signal);
    const secret = (identityToken ?? password)?.reveal() ?? "";
    // An empty user name is how BuildKit knows an identity token.
    await call.send(Buffer.concat([bytesField(1, identityToken === undefined ? username : ""), bytesField(2, secret)]));
    return;
  }
}

/** `GetSecretRequest {ID = 1}` to `GetSecretResponse {data = 1}` (buildkit session/secrets). */
async function giveSecret(call: GrpcCall, secrets: ReadSecrets): Promise<void> {
  for await (const message of call.messages) {
    let id = "";
    for (const field of readFields(message)) if (field.number === 1) id = textOf(field);
    const reveal = secrets.get(id);
    if (reveal === undefined) throw new GrpcError(GRPC_NOT_FOUND, `secret ${id} not found`);
    await call.send(bytesField(1, reveal()));
    return;
  }
}

async function reportErrors(work: Promise<void>, onError: (error: unknown) => void): Promise<void> {
  try {
    await work;
  } catch (error) {
    onError(error);
    throw error;
  }
}
