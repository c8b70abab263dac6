/**
 * Platforms as an engine reads them (containerd, `platforms.Parse` and `platforms.Normalize`): in any case, under the
 * names that other tools have for an architecture, and with the usual variant where none is told.
 */
import { fail } from "../errors.ts";

/** What an engine runs on; an empty `arch` where it does not tell. */
export interface OwnPlatform {
  readonly os: string;
  readonly arch: string;
}

/** Other names of an architecture, and the variant that is in the name. */
const ALIASES: ReadonlyMap<string, readonly [arch: string, variant?: string]> = new Map([
  ["i386", ["386"]],
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["aarch64", ["arm64"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
]);

/** The variants that are not written, because they are meant without. */
const UNWRITTEN: ReadonlySet<string> = new Set(["amd64/v1", "arm64/v8"]);

/** What may stand alone: containerd knows these, and refuses any other single word. */
const SYSTEMS = /^(?:android|darwin|dragonfly|freebsd|illumos|linux|netbsd|openbsd|plan9|solaris|wasip1|windows)$/;
const ARCHITECTURES = /^(?:386|amd64|arm|arm64|loong64|mips|mips64|mips64le|mipsle|ppc64|ppc64le|riscv64|s390x|wasm)$/;

const FORM = /^[A-Za-z0-9_.-]{1,64}(?:\/[A-Za-z0-9_.-]{1,64}){0,2}$/;

/**
 * Reads `os/arch[/variant]`, or one of the first two alone, the other being the engine's own.
 *
 * @returns its one spelling, e.g. `linux/arm64` for `Linux/aarch64/v8`
 * @throws INVALID_INPUT
 */
export function parsePlatform(text: string, own: OwnPlatform): string {
  if (typeof text !== "string" || !FORM.test(text)) throw invalid(text);
  const parts = text.split("/");
  if (parts.length > 1) return normalizePlatform(text);
  const system = normalizeSystem(text.toLowerCase());
  if (SYSTEMS.test(system) && own.arch !== "") return normalizePlatform(`${system}/${own.arch}`);
  const [arch] = normalizeArchitecture(text.toLowerCase(), "");
  if (ARCHITECTURES.test(arch)) return normalizePlatform(`${own.os}/${text}`);
  throw invalid(text);
}

/** Whether two platforms are the same in every part. */
export function isSamePlatform(one: string, other: string): boolean {
  return normalizePlatform(one) === normalizePlatform(other);
}

/**
 * Whether two platforms have the same system and architecture, whatever the variant: an engine takes a lesser variant
 * where a registry has no better one, and many images do not tell theirs. What is not told is taken for the same.
 */
export function isSameArchitecture(one: string, other: string): boolean {
  const [system, arch] = normalizePlatform(one).split("/");
  const [otherSystem, otherArch] = normalizePlatform(other).split("/");
  return arch === "" || otherArch === "" || (system === otherSystem && arch === otherArch);
}

function normalizePlatform(text: string): string {
  const [system = "", named = "", told = ""] = text.toLowerCase().split("/");
  const [arch, variant] = normalizeArchitecture(named, told);
  const platform = `${normalizeSystem(system)}/${arch}`;
  return variant === "" || UNWRITTEN.has(`${arch}/${variant}`) ? platform : `${platform}/${variant}`;
}

function normalizeSystem(system: string): string {
  return system === "macos" ? "darwin" : system;
}

function normalizeArchitecture(named: string, told: string): readonly [arch: string, variant: string] {
  const [arch, variant = told] = ALIASES.get(named) ?? [named];
  if (arch !== "arm" && arch !== "arm64") return [arch, variant];
  if (/^\d+$/.test(variant)) return [arch, `v${variant}`];
  return [arch, arch === "arm" && variant === "" ? "v7" : variant];
}

function invalid(text: unknown): Error {
  const shown = JSON.stringify(typeof text === "string" ? text.slice(0, 100) : text) ?? "nothing";
  return fail("INVALID_INPUT", `${shown.slice(0, 120)} is not a platform`, {
    details: { issues: [{ path: "platform", message: "is not os/arch[/variant]" }] },
    remedy: "Write it as os/arch[/variant], e.g. linux/amd64 or linux/arm64.",
  });
}
