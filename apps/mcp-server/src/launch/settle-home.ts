import { homedir } from "node:os";
import { isAbsolute } from "node:path";

/**
 * Sees to it that there is a home directory to be asked for: a user that the system does not know, as in a container that
 * is run with any number for a user, has none, and then asking throws. Such a user lives in the root folder, as container
 * engines have it too.
 *
 * @param environment this process's own, which is what the system's answer depends on
 */
export function settleHome(environment: NodeJS.ProcessEnv): void {
  if (hasHome()) return;
  // An empty or a relative one hides what the system knows.
  delete environment["HOME"];
  if (!hasHome()) environment["HOME"] = "/";
}

function hasHome(): boolean {
  try {
    return isAbsolute(homedir());
  } catch {
    // The system has no such user.
    return false;
  }
}
