import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { extract } from "tar-stream";

/** One entry of an archive, as far as a build can see it; owner and time are the sender's own affair. */
export interface ArchiveEntry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly link: string;
  readonly content: string;
}

/** What an archive holds, in its order. @throws what the archive's stream throws */
export async function readArchive(archive: Readable): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  const reader = extract();
  archive.on("error", (error) => reader.destroy(error));
  archive.pipe(reader);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    const { name, type, linkname, mode } = entry.header;
    entries.push({
      name: name.replace(/\/$/, ""),
      type: type ?? "",
      mode: (mode ?? 0) & 0o7777,
      link: linkname ?? "",
      content: Buffer.concat(chunks).toString("latin1"),
    });
  }
  return entries;
}

/** The real docker CLI with an engine that takes any context and builds nothing. */
export interface DockerCli {
  /** What `docker build` sends of this folder; null where it refuses to. */
  send(folder: string, dockerfile?: string): Promise<ArchiveEntry[] | null>;
  close(): Promise<void>;
}

export async function startDockerCli(): Promise<DockerCli> {
  const home = await mkdtemp(join(tmpdir(), "docker-cli-"));
  const socket = join(home, "engine.sock");
  let sent: ArchiveEntry[] | null = null;
  const server: Server = createServer((request, response) => {
    if (request.method !== "POST" || !/\/build\b/.test(request.url ?? "")) {
      request.resume();
      answer(response, "{}");
      return;
    }
    const take = async () => {
      sent = await readArchive(request);
      answer(response, '{"stream":"taken"}\n');
    };
    take().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  const env = { PATH: process.env["PATH"], HOME: home, DOCKER_CONFIG: home, DOCKER_HOST: `unix://${socket}` };
  return {
    async send(folder, dockerfile = "Dockerfile") {
      sent = null;
      const failed = await new Promise<boolean>((done) => {
        execFile(
          "docker",
          ["build", "-q", "-f", join(folder, dockerfile), folder],
          { env: { ...env, DOCKER_BUILDKIT: "0" }, timeout: 30_000 },
          (error) => done(error !== null),
        );
      });
      return failed ? null : sent;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await rm(home, { recursive: true, force: true });
    },
  };
}

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { "api-version": "1.41", ostype: "linux", "content-type": "application/json" });
  response.end(body);
}
