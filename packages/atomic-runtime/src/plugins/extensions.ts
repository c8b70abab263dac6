/**
 * Scanners, strategies and credential sources of plugins, safe to call: bounded in time, checked on the way in and out.
 */
import type { RoutingRule } from "@container-kit/context-sharing";
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { Plugin } from "../types.ts";
import { failPlugin } from "./errors.ts";
import { ROLE_NAMES, ROLES } from "./roles.ts";
import type { CredentialSource, ExtensionContext, RoleName, Scanner, Strategy } from "./roles.ts";

const DEADLINE_MS = 300_000;

/** What plugins bring besides tools, each with the plugin's name. */
export interface Extensions {
  readonly scanners: readonly (Scanner & { readonly plugin: string })[];
  readonly strategies: readonly (Strategy & { readonly plugin: string })[];
  readonly credentialSources: readonly (CredentialSource & { readonly plugin: string })[];
  /** Of those plugins that bring any; as `mergeRoutingRules` takes them. */
  readonly routingRules: readonly { readonly source: string; readonly rules: readonly RoutingRule[] }[];
}

/** Collects what loaded plugins bring besides tools. */
export function collectExtensions(plugins: readonly Plugin[]): Extensions {
  const named = (role: RoleName): object[] =>
    plugins.flatMap((plugin) => (plugin[role] ?? []).map((extension) => ({ ...extension, plugin: plugin.name })));
  return {
    scanners: named("scanners") as Extensions["scanners"][number][],
    strategies: named("strategies") as Extensions["strategies"][number][],
    credentialSources: named("credentialSources") as Extensions["credentialSources"][number][],
    routingRules: plugins.flatMap(({ name, routingRules: rules = [] }) =>
      rules.length === 0 ? [] : [{ source: `plugin ${name}`, rules }],
    ),
  };
}

/** A plugin's extensions, each call of them checked and bounded. */
export function checkedExtensions(plugin: Plugin): Pick<Plugin, RoleName> {
  const checked = ROLE_NAMES.map((role) => [
    role,
    (plugin[role] ?? []).map((extension) => check(plugin.name, role, extension)),
  ]);
  return Object.fromEntries(checked) as Pick<Plugin, RoleName>;
}

function check(plugin: string, role: RoleName, extension: object): object {
  const { method, request, result } = ROLES[role];
  const { name, title, description, describes } = extension as Scanner;
  const act = (extension as Record<string, unknown>)[method] as (
    request: unknown,
    context: ExtensionContext,
  ) => Promise<unknown>;
  return {
    name,
    title,
    description,
    ...(describes === undefined ? {} : { describes }),
    [method]: async (asked: unknown, context: ExtensionContext) => {
      const input = request.safeParse(asked);
      if (!input.success)
        throw fail("INVALID_INPUT", `the request to ${name} is not valid: ${input.error.issues[0]?.message ?? ""}`);
      const returned = await within(
        context,
        (bounded) => act.call(extension, input.data, bounded),
        `${name} of plugin ${plugin}`,
      );
      const output = readable(() => result.safeParse(returned));
      if (output?.success === true) return output.data;
      const issue = output?.error.issues[0];
      throw fail(
        "OUTPUT_INVALID",
        `${name} of plugin ${plugin} returned what its role does not allow: ${issue?.path.join(".") ?? ""} ${issue?.message ?? "it cannot be read"}`,
      );
    },
  };
}

/** Ends by the deadline or the caller's signal, whatever the extension does. */
async function within(
  context: ExtensionContext,
  act: (context: ExtensionContext) => Promise<unknown>,
  what: string,
): Promise<unknown> {
  const stop = new AbortController();
  const cancel = (): void =>
    stop.abort(isKitError(context.signal.reason) ? context.signal.reason : fail("CANCELLED", `${what} was cancelled`));
  if (context.signal.aborted) cancel();
  context.signal.addEventListener("abort", cancel, { once: true });
  const late = setTimeout(
    () => stop.abort(fail("TOOL_TIMEOUT", `${what} did not finish within ${DEADLINE_MS / 1_000} s`)),
    DEADLINE_MS,
  );
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason as Error), { once: true });
  });
  try {
    stop.signal.throwIfAborted();
    return await Promise.race([act({ ...context, signal: stop.signal }), stopped]);
  } catch (thrown) {
    if (isKitError(thrown)) throw thrown;
    throw failPlugin(
      "PLUGIN_FAILED",
      `${what} failed: ${thrown instanceof Error ? thrown.message : "threw a value that is no error"}`,
      { cause: thrown },
    );
  } finally {
    clearTimeout(late);
    context.signal.removeEventListener("abort", cancel);
    stopped.catch(() => undefined);
  }
}

/** What was returned may be a trap that throws while it is read. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
