/**
 * Gathers a root file system from this machine: busybox, the running Node with the libraries it is linked to, npm, and
 * the certificate authorities that this machine trusts.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RigError } from "../rig-error.ts";
import { findProgram, systemEnvironment } from "./programs.ts";
import { runProgram } from "./process.ts";

/** Where the image keeps the certificate authorities. */
export const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** What of this machine goes into an image. */
export interface MachineParts {
  readonly node: string;
  /** npm's folder; undefined where the machine has no npm. */
  readonly npm: string | undefined;
  readonly corepack: string | undefined;
  readonly busybox: string;
  readonly certificates: string | undefined;
}

/** Finds the parts. Undefined where there is no busybox, without which an image has no shell. */
export async function findParts(): Promise<MachineParts | undefined> {
  const busybox = await findProgram("busybox");
  if (busybox === undefined || process.platform !== "linux") return undefined;
  const node = realpathSync(process.execPath);
  const trusted = [process.env["NODE_EXTRA_CA_CERTS"], CERTIFICATES].filter((file) => file !== undefined);
  return {
    node,
    busybox,
    npm: await findPackage("npm"),
    corepack: await findPackage("corepack"),
    certificates: trusted.find((file) => existsSync(file)),
  };
}

/** Lays the parts out below `root`. */
export async function layOut(root: string, parts: MachineParts): Promise<void> {
  await layOutBusybox(root, parts.busybox);
  const libraries = await layOutNode(root, parts.node);
  if (parts.npm !== undefined) layOutPackage(root, parts.npm, { npm: "npm-cli.js", npx: "npx-cli.js" });
  if (parts.corepack !== undefined) layOutPackage(root, parts.corepack, { corepack: "corepack.js" });
  // Debian's own Node loads parts of itself, and its npm all of its dependencies, from there.
  const shared = "/usr/share/nodejs";
  if (libraries.some((file) => file.includes("libnode.so")) && existsSync(shared)) copy(root, shared);
  if (parts.certificates !== undefined) copy(root, parts.certificates, CERTIFICATES);
  layOutAccounts(root);
}

/** Lays out a shell and the usual small programs, all of them links to busybox. */
export async function layOutBusybox(root: string, busybox: string): Promise<void> {
  for (const folder of ["bin", "usr/bin", "tmp", "root", "home/node", "etc", "var/tmp", "proc", "sys", "dev", "run"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  copy(root, realpathSync(busybox), "/bin/busybox");
  for (const library of await linkedLibraries(busybox)) copy(root, library);
  const applets = await runProgram(busybox, ["--list"]);
  for (const applet of applets.stdout.split("\n")) {
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  }
  // Scripts begin with #!/usr/bin/env.
  symlinkSync("../../bin/busybox", join(root, "usr/bin/env"));
}

/** Returns the libraries that Node is linked to. */
async function layOutNode(root: string, node: string): Promise<readonly string[]> {
  copy(root, node, "/usr/local/bin/node");
  const libraries = await linkedLibraries(node);
  for (const library of libraries) copy(root, library);
  const libc = libraries.find((file) => file.endsWith("/libc.so.6"));
  if (libc === undefined) return libraries;
  // glibc opens these when a name is looked up; nothing is linked to them.
  for (const name of ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"]) {
    const file = join(dirname(libc), name);
    if (existsSync(file)) copy(root, file);
  }
  return libraries;
}

function layOutPackage(root: string, folder: string, programs: Readonly<Record<string, string>>): void {
  const target = folder.startsWith("/usr/share/nodejs/")
    ? folder
    : join("/usr/local/lib/node_modules", folder.split("/").at(-1) ?? "");
  copy(root, folder, target);
  for (const [program, script] of Object.entries(programs)) {
    const place = ["bin", "dist"].find((name) => existsSync(join(folder, name, script)));
    if (place !== undefined) symlinkSync(join(target, place, script), join(root, "usr/local/bin", program));
  }
}

function layOutAccounts(root: string): void {
  const write = (file: string, lines: readonly string[]): void =>
    writeFileSync(join(root, file), `${lines.join("\n")}\n`);
  write("etc/passwd", [
    "root:x:0:0:root:/root:/bin/sh",
    "node:x:1000:1000::/home/node:/bin/sh",
    "nobody:x:65534:65534:nobody:/:/bin/false",
  ]);
  write("etc/group", ["root:x:0:", "node:x:1000:", "nogroup:x:65534:"]);
  write("etc/nsswitch.conf", ["hosts: files dns"]);
  write("etc/os-release", ['PRETTY_NAME="Container Kit stand-in"', "ID=standin"]);
}

/** The files that the dynamic loader would open for a program; none for a static one. */
async function linkedLibraries(program: string): Promise<string[]> {
  const listing = await runProgram("ldd", [program]);
  return [...listing.stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "").filter(Boolean);
}

/** The folder of a package that came with Node, found through its program. */
async function findPackage(name: string): Promise<string | undefined> {
  const beside = join(dirname(process.execPath), name);
  const program = existsSync(beside) ? beside : await findProgram(name);
  if (program === undefined) return undefined;
  const folder = dirname(dirname(realpathSync(program)));
  return existsSync(join(folder, "package.json")) ? folder : undefined;
}

function copy(root: string, source: string, target = source): void {
  const destination = join(root, target);
  mkdirSync(dirname(destination), { recursive: true });
  cpSync(source, destination, { recursive: true, dereference: true, force: true });
}

/** The version of a package in a folder. */
export function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}

/** Packs `root` into an archive in which everything belongs to root, but node's home, whoever runs this. */
export async function packRoot(root: string, archive: string): Promise<void> {
  const common = ["--numeric-owner", "--sort=name", "-C", root, "-f", archive];
  const rounds = [
    ["-c", "--owner=0", "--group=0", "--mode=u+rwX,go+rX,go-w", "--exclude=./tmp", "--exclude=./home/node", "."],
    ["-r", "--owner=0", "--group=0", "--mode=1777", "./tmp"],
    ["-r", "--owner=1000", "--group=1000", "--mode=755", "./home/node"],
  ];
  for (const [action = "", ...rest] of rounds) {
    const result = await runProgram("tar", [action, ...common, ...rest], {
      environment: systemEnvironment(),
      deadlineMs: 120_000,
    });
    if (result.code !== 0) throw new RigError(`tar failed: ${result.stderr}`, "Is the disk full?");
  }
}
