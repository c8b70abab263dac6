/**
 * What a first engine changes in the machine's network, and putting it back.
 *
 * dockerd makes the bridge docker0, adds chains to iptables, allows forwarding and then closes the FORWARD chain. It
 * leaves all of it behind when it ends. (It is never started with `--bridge none`: that would delete a docker0 that
 * another engine uses.)
 *
 * - N1  Nothing is put back unless docker0 was absent before our engine started.
 * - N2  Nothing is put back while another dockerd runs or anything hangs on the bridge.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { anyEngineRuns, findProcesses, runProgram } from "./process.ts";

const BRIDGE = "/sys/class/net/docker0";
const PODMAN_BRIDGE = "/sys/class/net/cni-podman0";
const FORWARDING = "/proc/sys/net/ipv4/ip_forward";

export interface NetworkBefore {
  readonly bridge: boolean;
  /** The content of ip_forward. */
  readonly forwarding: string;
  /** The policy of iptables' FORWARD chain, e.g. ACCEPT; empty where iptables did not tell. */
  readonly forwardPolicy: string;
}

/** Looks at what dockerd is about to change. */
export async function observeNetwork(): Promise<NetworkBefore> {
  const forward = await runProgram("iptables", ["-S", "FORWARD"]);
  return {
    bridge: existsSync(BRIDGE),
    forwarding: existsSync(FORWARDING) ? readFileSync(FORWARDING, "utf8").trim() : "",
    forwardPolicy: /^-P FORWARD (\w+)/m.exec(forward.stdout)?.[1] ?? "",
  };
}

/** Puts the network back as it was. Returns what was done or why nothing was, for a person. */
export async function restoreNetwork(before: NetworkBefore): Promise<string> {
  if (before.bridge) return "docker0 was there before and stays";
  if (!existsSync(BRIDGE)) return "docker0 is gone already";
  if (anyEngineRuns()) return "docker0 stays: another dockerd runs";
  if (readdirSync(`${BRIDGE}/brif`).length > 0) return "docker0 stays: something hangs on it";
  for (const table of ["nat", "filter"]) await removeRules(table, /docker0|DOCKER/, "DOCKER");
  if (before.forwardPolicy !== "") await runProgram("iptables", ["-P", "FORWARD", before.forwardPolicy]);
  if (before.forwarding === "0") writeFileSync(FORWARDING, "0\n");
  if (await deleteLink("docker0")) return "docker0 and its iptables rules removed";
  return "docker0 stays: there is no ip command to remove it with";
}

/** Whether Podman's bridge is there. */
export function podmanBridgeExists(): boolean {
  return existsSync(PODMAN_BRIDGE);
}

/** Removes the bridge and the rules that containers of our Podman left. Returns what was done, for a person. */
export async function removePodmanNetwork(): Promise<string> {
  if (!podmanBridgeExists()) return "Podman made no bridge";
  if (findProcesses(["conmon"]).length > 0) return "cni-podman0 stays: containers of another Podman run";
  for (const table of ["nat", "filter"]) await removeRules(table, /cni-podman0|CNI-/, "CNI-");
  return (await deleteLink("cni-podman0"))
    ? "cni-podman0 and its iptables rules removed"
    : "cni-podman0 stays: there is no ip command to remove it with";
}

async function deleteLink(name: string): Promise<boolean> {
  for (const [file, ...prefix] of [["ip"], ["busybox", "ip"]] as const) {
    if ((await runProgram(file, [...prefix, "link", "delete", name])).code === 0) return true;
  }
  return false;
}

/** Removes the rules that match, then the chains whose names begin so. */
async function removeRules(table: string, rules: RegExp, chains: string): Promise<void> {
  const listing = await runProgram("iptables", ["-t", table, "-S"]);
  const lines = listing.stdout.split("\n");
  const made = lines.filter((text) => text.startsWith(`-N ${chains}`)).map((text) => text.slice(3));
  // Emptied first: a chain of ours may lead to another, and a rule's comment may hold blanks.
  for (const chain of made) await runProgram("iptables", ["-t", table, "-F", chain]);
  for (const line of lines.filter((text) => text.startsWith("-A ") && rules.test(text))) {
    const words = [...line.replace(/^-A/, "-D").matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)];
    const args = words.map(([, quoted, plain]) => quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "");
    await runProgram("iptables", ["-t", table, ...args]);
  }
  for (const chain of made) await runProgram("iptables", ["-t", table, "-X", chain]);
}
