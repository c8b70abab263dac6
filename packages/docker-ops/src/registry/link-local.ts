/**
 * Addresses that no registry may send us to: link-local ones, among them the metadata services of clouds, which hand
 * out credentials to whoever asks from the machine itself.
 */
import { lookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";

const refused = new BlockList();
refused.addSubnet("169.254.0.0", 16, "ipv4");
refused.addSubnet("fe80::", 10, "ipv6");
refused.addAddress("fd00:ec2::254", "ipv6");

/** Whether a URL's host is such an address itself; a name is looked at by {@link refusingLookup} once it is resolved. */
export function isLinkLocalHost(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(address);
  return family !== 0 && refused.check(address, family === 6 ? "ipv6" : "ipv4");
}

type Found = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** `dns.lookup` that fails for a name with such an address. */
export function refusingLookup(hostname: string, options: LookupOptions, found: Found): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return found(error, []);
    if (addresses.some(({ address }) => isLinkLocalHost(address)))
      return found(new Error(`${hostname} is a link-local address`), []);
    if (options.all === true) return found(null, addresses);
    const [first] = addresses;
    return found(null, first?.address ?? "", first?.family);
  });
}
