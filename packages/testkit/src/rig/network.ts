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
import { anyEngineRuns, runProgram } from "./process.ts";

const BRIDGE = "/sys/class/net/docker0";
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
  for (const table of ["nat", "filter"]) await removeDockerRules(table);
  if (before.forwardPolicy !== "") await runProgram("iptables", ["-P", "FORWARD", before.forwardPolicy]);
  if (before.forwarding === "0") writeFileSync(FORWARDING, "0\n");
  for (const [file, ...prefix] of [["ip"], ["busybox", "ip"]] as const) {
    const result = await runProgram(file, [...prefix, "link", "delete", "docker0"]);
    if (result.code === 0) return "docker0 and its iptables rules removed";
  }
  return "docker0 stays: there is no ip command to remove it with";
}

/** Removes the rules that name Docker's bridge or chains, then the chains. */
async function removeDockerRules(table: string): Promise<void> {
  const listing = await runProgram("iptables", ["-t", table, "-S"]);
  const lines = listing.stdout.split("\n");
  for (const line of lines.filter((text) => text.startsWith("-A ") && /docker0|DOCKER/.test(text))) {
    await runProgram("iptables", ["-t", table, ...line.replace(/^-A/, "-D").split(" ")]);
  }
  for (const line of lines.filter((text) => text.startsWith("-N DOCKER"))) {
    await runProgram("iptables", ["-t", table, "-F", line.slice(3)]);
    await runProgram("iptables", ["-t", table, "-X", line.slice(3)]);
  }
}
