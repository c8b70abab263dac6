/** Images of any platform, put into a registry without an engine: none can make one for another platform by itself. */
import { createHash, randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { LoadedRig } from "@container-kit/testkit";

const TYPES = "application/vnd.docker.distribution.manifest";

interface Descriptor {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
}

/** Puts one image of a platform `os/arch` under a tag. */
export async function publishImage(rig: LoadedRig, repository: string, tag: string, platform: string) {
  const [os, architecture] = platform.split("/");
  const layer = Buffer.alloc(1024);
  const config = {
    os,
    architecture,
    created: "2020-01-01T00:00:00Z",
    config: { Labels: { unique: randomUUID() } },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  };
  const parts: Descriptor[] = [];
  for (const [mediaType, content] of [
    ["application/vnd.docker.container.image.v1+json", Buffer.from(JSON.stringify(config))],
    ["application/vnd.docker.image.rootfs.diff.tar.gzip", gzipSync(layer)],
  ] as const) {
    const opened = await send(rig, "POST", `/v2/${repository}/blobs/uploads/`);
    const place = new URL(opened.headers.get("location") ?? "", `http://${rig.registry.host}`);
    place.searchParams.set("digest", digestOf(content));
    await send(rig, "PUT", `${place.pathname}${place.search}`, content, "application/octet-stream");
    parts.push({ mediaType, size: content.length, digest: digestOf(content) });
  }
  const [image, ...layers] = parts;
  return putManifest(rig, `/v2/${repository}/manifests/${tag}`, `${TYPES}.v2+json`, { config: image, layers });
}

/** Puts a list of images, one for each platform, under a tag. @returns the list's digest */
export async function publishList(
  rig: LoadedRig,
  repository: string,
  tag: string,
  platforms: readonly string[],
): Promise<string> {
  const manifests = [];
  for (const platform of platforms) {
    const [os, architecture] = platform.split("/");
    const image = await publishImage(rig, repository, `${tag}-${architecture}`, platform);
    manifests.push({ ...image, platform: { os, architecture } });
  }
  const path = `/v2/${repository}/manifests/${tag}`;
  return (await putManifest(rig, path, `${TYPES}.list.v2+json`, { manifests })).digest;
}

async function putManifest(rig: LoadedRig, path: string, mediaType: string, parts: object): Promise<Descriptor> {
  const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...parts }));
  await send(rig, "PUT", path, content, mediaType);
  return { mediaType, size: content.length, digest: digestOf(content) };
}

async function send(
  { registry: { host, username }, password }: LoadedRig,
  method: string,
  path: string,
  ...[content, type = ""]: readonly [content?: Buffer, type?: string]
): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const response = await fetch(`http://${host}${path}`, {
    method,
    headers: { authorization, ...(type === "" ? {} : { "content-type": type }) },
    ...(content === undefined ? {} : { body: new Uint8Array(content) }),
    signal: AbortSignal.timeout(15_000),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
