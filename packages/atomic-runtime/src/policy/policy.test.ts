import { describe, expect, test } from "vitest";
import { isKitError } from "@container-kit/errors";
import type { PolicyFacts } from "../types.ts";
import { compileGlob } from "./glob.ts";
import { createPolicy } from "./policy.ts";
import type { PolicyRules } from "./schema.ts";

const FILE = "/etc/container-kit.yaml";

/** The name of the rule that refuses, or `passes`. */
function verdict(rules: PolicyRules, facts: PolicyFacts | undefined, tool = "push_image"): unknown {
  try {
    createPolicy([{ source: FILE, rules }]).check(tool, facts);
    return "passes";
  } catch (error) {
    if (!isKitError(error, "POLICY_DENIED")) throw error;
    return error.details?.["rule"];
  }
}

describe("registries", () => {
  const rules = {
    registries: { allow: ["registry.example.com", "*.corp.example:5000", "docker.io"], deny: ["bad.corp.example"] },
  };
  test.each([
    ["registry.example.com", "passes"],
    ["Registry.Example.Com", "passes"],
    ["registry.example.com:443", "registries"],
    ["registry.example.com.evil.test", "registries"],
    ["team.corp.example:5000", "passes"],
    ["bad.corp.example:5000", "registries"],
    ["index.docker.io", "passes"],
    ["registry-1.docker.io", "passes"],
    ["bad.corp.example.:5000", "registries"],
    ["docker.io.", "passes"],
    ["", "registries"],
  ])("of an allow list and a deny list, %s: %s", (registry, expected) => {
    expect(verdict(rules, { verb: "push", registries: [registry] })).toBe(expected);
  });

  test("a deny list alone lets everything else pass, and an empty allow list nothing", () => {
    expect(verdict({ registries: { deny: ["docker.io"] } }, { verb: "pull", registries: ["r.example.com"] })).toBe(
      "passes",
    );
    expect(verdict({ registries: { allow: [] } }, { verb: "pull", registries: ["r.example.com"] })).toBe("registries");
  });

  test("of several registries, each must pass", () => {
    expect(verdict(rules, { verb: "build", registries: ["docker.io", "evil.test"] })).toBe("registries");
  });
});

describe("base images", () => {
  test.each([
    ["node", "docker.io/library/node:20-slim", "passes"],
    ["node", "docker.io/library/node@sha256:00", "passes"],
    ["node", "docker.io/library/node-evil:1", "baseImages"],
    ["node:*-slim", "docker.io/library/node:20-slim", "passes"],
    ["node:*-slim", "docker.io/library/node:20-slim@sha256:00", "baseImages"],
    ["node:20", "docker.io/library/node:latest", "baseImages"],
    ["team/*", "docker.io/team/app:1", "passes"],
    ["team/*", "docker.io/team/deep/app:1", "baseImages"],
    ["r.example.com/**", "r.example.com/team/deep/app:1", "passes"],
    ["r.example.com/**", "r.example.com.evil.test/app:1", "baseImages"],
    ["localhost:5000/base", "localhost:5000/base:1", "passes"],
    ["*/base/node", "r.example.com/base/node:1", "passes"],
    ["**", "r.example.com/team/app:1", "passes"],
    ["team*/app", "teamwork.evil.test/app:1", "baseImages"],
  ])("with %s allowed, %s: %s", (pattern, image, expected) => {
    expect(verdict({ baseImages: { allow: [pattern] } }, { verb: "build", baseImages: [image] })).toBe(expected);
  });

  test("a denied tag stays denied where a digest is written behind it", () => {
    const rules = { baseImages: { deny: ["node:latest"] } };
    expect(verdict(rules, { verb: "build", baseImages: ["docker.io/library/node:latest@sha256:00"] })).toBe(
      "baseImages",
    );
    expect(verdict(rules, { verb: "build", baseImages: ["docker.io/library/node:20"] })).toBe("passes");
  });
});

test.each([
  ["", "nonRoot"],
  ["0", "nonRoot"],
  ["+00", "nonRoot"],
  ["root:app", "nonRoot"],
  [":1000", "nonRoot"],
  ["0:1000", "nonRoot"],
  ["node", "passes"],
  ["1000:0", "passes"],
  ["rooted", "passes"],
])("the user %j of an image that must not be root: %s", (user, expected) => {
  expect(verdict({ nonRoot: true }, { verb: "push", user })).toBe(expected);
});

test.each([
  [{ team: "a" }, "requiredLabels"],
  [{ source: "https://git.example.com/a/b" }, "requiredLabels"],
  [{ team: "", source: "https://git.example.com/a/b" }, "requiredLabels"],
  [{ team: "a", source: "http://git.example.com/a/b" }, "requiredLabels"],
  [{ team: "a", source: "https://git.example.com/a/b" }, "passes"],
])("the labels %j, where team and a source over https are required: %s", (labels, expected) => {
  expect(verdict({ requiredLabels: { team: true, source: "https://**" } }, { verb: "push", labels })).toBe(expected);
});

test.each([
  [{ critical: 0, high: 2 }, "passes"],
  [{ critical: 1 }, "maxSeverity"],
  [{ unknown: 1 }, "maxSeverity"],
  [{}, "passes"],
])("the findings %j, where the worst may be high: %s", (severities, expected) => {
  expect(verdict({ maxSeverity: "high" }, { verb: "push", severities })).toBe(expected);
});

describe("what nobody knows", () => {
  const all: PolicyRules = {
    registries: { deny: ["x"] },
    baseImages: { deny: ["x"] },
    requiredLabels: { a: true },
    nonRoot: true,
    maxSeverity: "critical",
  };
  test.each(["registries", "baseImages", "labels", "user", "severities"])("%s that are unknown are refused", (side) => {
    expect(verdict(all, { verb: "build", [side]: null })).toBe(
      side === "labels" ? "requiredLabels" : side === "user" ? "nonRoot" : side === "severities" ? "maxSeverity" : side,
    );
    expect(verdict(all, { verb: "build", [side]: 7 })).not.toBe("passes");
  });

  test("an act without that side passes", () => {
    expect(verdict(all, { verb: "build" })).toBe("passes");
  });

  test("facts that break while they are read are refused", () => {
    const trap = (property: string) =>
      Object.defineProperty({ verb: "build" }, property, {
        get: () => {
          throw new Error("a trap");
        },
      }) as PolicyFacts;
    expect(verdict(all, trap("user"))).toBe("nonRoot");
    expect(verdict(all, trap("verb"))).toBe("registries");
    expect(verdict(all, null as never)).toBe("registries");
  });

  test("a tool that has effects and does not say which is refused by every rule for it", () => {
    const rules: PolicyRules = { rules: [{ name: "own", tools: ["push_*"], verbs: ["push"], nonRoot: true }] };
    expect(verdict(rules, undefined)).toBe("own");
    expect(verdict(rules, undefined, "other")).toBe("passes");
    expect(verdict({}, undefined)).toBe("passes");
  });
});

test("a rule of its own is for its verbs and tools only, and its reason is told", () => {
  const rules: PolicyRules = {
    rules: [
      { name: "no pushes", verbs: ["push"], tools: ["push_*"], forbid: true, reason: "releases come from CI" },
      { name: "dev only", verbs: ["run"], registries: { allow: [] } },
    ],
  };
  expect(verdict(rules, { verb: "push" })).toBe("no pushes");
  expect(verdict(rules, { verb: "push" }, "other_tool")).toBe("passes");
  expect(verdict(rules, { verb: "pull", registries: ["a"] })).toBe("passes");
  expect(() => createPolicy([{ source: FILE, rules }]).check("push_image", { verb: "push" })).toThrow(
    "releases come from CI",
  );
});

test("read-only refuses every act that changes anything, also one that it has never heard of", () => {
  for (const verb of ["pull", "push", "tag", "build", "write", "run", "deploy", "brew"])
    expect(verdict({ readOnly: true }, { verb })).toBe("readOnly");
  for (const verb of ["read", "login", "cancel"]) expect(verdict({ readOnly: true }, { verb })).toBe("passes");
});

test("a refusal says the rule, where it stands, the value and what would pass", () => {
  const policy = createPolicy([{ source: FILE, rules: { registries: { allow: ["r.example.com"] } } }]);
  expect(() => policy.check("push_image", { verb: "push", registries: ["docker.io"] })).toThrow(
    expect.objectContaining({
      code: "POLICY_DENIED",
      message: "the policy's rule registries refuses to push: the registry docker.io is not allowed",
      remedy: expect.stringMatching(/^Allowed: r\.example\.com\. .*container-kit\.yaml/),
      details: { rule: "registries", source: FILE, verb: "push", value: "docker.io", allowed: ["r.example.com"] },
    }),
  );
});

test("every source narrows, none widens", () => {
  const policy = createPolicy([
    { source: "user", rules: { registries: { allow: ["a"] } } },
    { source: "project", rules: { registries: { allow: ["a", "b"] }, nonRoot: true } },
  ]);
  expect(policy.rules).toEqual(["registries", "registries", "nonRoot"]);
  expect(policy.looksAt("labels", "user")).toBe(true);
  expect(policy.looksAt("labels")).toBe(false);
  expect(() => policy.check("push_image", { verb: "push", registries: ["b"] })).toThrow("registries");
});

test("rules that cannot be understood are refused with their place, and never half in force", () => {
  const wrong = { rules: [{ name: "empty" }] } as PolicyRules;
  expect(() => createPolicy([{ source: FILE, rules: wrong }])).toThrow(/rules\.0: demands nothing/);
  expect(() => createPolicy([{ source: FILE, rules: { registry: {} } as never }])).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }),
  );
  expect(createPolicy([]).rules).toEqual([]);
});

/** Every text of up to so many of these pieces. */
function combinations(pieces: readonly string[], most: number): readonly string[] {
  let longest = [""];
  const all = [...longest];
  for (let length = 1; length <= most; length += 1) {
    longest = longest.flatMap((text) => pieces.map((piece) => text + piece));
    all.push(...longest);
  }
  return all;
}

test("a pattern means what an expression of its stars means, for every short pattern and text", () => {
  const texts = combinations(["a", "b", "/"], 4);
  const wrong = combinations(["a", "/", "*", "**"], 4).flatMap((pattern) => {
    const matches = compileGlob(pattern);
    const stars = pattern.replaceAll(/\*+/g, (run) => (run.length > 1 ? "[^]*" : "[^/]*"));
    const expression = new RegExp(`^(?:${stars})$`);
    return texts.filter((text) => matches(text) !== expression.test(text)).map((text) => `${pattern} on ${text}`);
  });
  expect(wrong).toEqual([]);
});

test("a hostile pattern costs no more than pattern times text", () => {
  const matches = compileGlob("**a".repeat(100));
  expect(matches("a".repeat(700))).toBe(true);
  expect(matches(`${"a".repeat(700)}b`)).toBe(false);
});
