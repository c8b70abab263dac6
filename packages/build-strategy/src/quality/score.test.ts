import { describe, expect, test } from "vitest";
import { scoreDockerfile } from "../index.ts";
import { lexicalChecks } from "./score.ts";

const digest = `@sha256:${"a".repeat(64)}`;
const perfect = `# syntax=docker/dockerfile:1
ARG NODE_IMAGE=node:24-slim${digest}
FROM \${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm \\
    # from the lockfile
    npm ci
RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
COPY . .
FROM \${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app ./
USER 1000:1000
EXPOSE 3000
HEALTHCHECK CMD ["node","-e","0"]
LABEL org.opencontainers.image.title="a" org.opencontainers.image.version=1 org.opencontainers.image.source=x
CMD ["node","a.js"]
`;

test("there are 21 checks, each with its weight", () => {
  expect(lexicalChecks.map(({ id, weight }) => `${id} ${weight}`)).toEqual([
    "non-root-user 12",
    "multi-stage 10",
    "pinned-tag 8",
    "minimal-base 8",
    "digest-pin 6",
    "numeric-user 2",
    "no-build-tools 4",
    "cache-mounts 7",
    "manifests-first 7",
    "frozen-install 5",
    "apt-hygiene 3",
    "no-remote-add 2",
    "no-sudo-or-piped-shell 2",
    "syntax-directive 2",
    "no-secrets 6",
    "exec-form 6",
    "healthcheck 5",
    "oci-labels 4",
    "expose 2",
    "absolute-workdir 2",
    "production-environment 2",
  ]);
});

test("a file that does everything right has 100", () => {
  const { score, checks } = scoreDockerfile(perfect);
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  expect(checks).toHaveLength(21);
  expect(score).toBe(100);
});

describe("one step back costs one check:", () => {
  test.each([
    ["non-root-user", "USER 1000:1000", ""],
    ["non-root-user", "USER 1000:1000", "USER 0:0"],
    ["non-root-user", "USER 1000:1000", "USER 1000\nUSER 0"],
    ["numeric-user", "USER 1000:1000", "USER node"],
    ["pinned-tag", `node:24-slim${digest}`, "busybox:latest"],
    ["minimal-base", "24-slim", "24"],
    ["digest-pin", digest, ""],
    ["cache-mounts", "--mount=type=cache,target=/root/.npm", ""],
    ["manifests-first", "COPY package.json package-lock.json ./", "COPY . ."],
    ["frozen-install", "npm ci", "npm install"],
    ["exec-form", 'CMD ["node","a.js"]', "CMD node a.js"],
    ["no-secrets", "ENV NODE_ENV=production", "ENV NODE_ENV=production API_TOKEN=x"],
    ["no-secrets", "COPY --from=build /app ./", "COPY --from=build /app ./\nCOPY .env ./"],
    ["healthcheck", 'HEALTHCHECK CMD ["node","-e","0"]', ""],
    ["oci-labels", "LABEL ", "LABEL a=b\n# "],
    [
      "no-build-tools",
      "USER 1000",
      "RUN --mount=type=cache,target=/var/cache/apt apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*\nUSER 1000",
    ],
    ["apt-hygiene", "--no-install-recommends", ""],
    ["syntax-directive", "# syntax=docker/dockerfile:1\n", ""],
    ["expose", "EXPOSE 3000", ""],
    ["absolute-workdir", "WORKDIR /app\nCOPY --from", "WORKDIR app\nCOPY --from"],
    ["no-remote-add", "USER 1000", "ADD https://example.com/x /x\nUSER 1000"],
    ["no-sudo-or-piped-shell", "USER 1000", "RUN curl -fsSL https://example.com | bash\nUSER 1000"],
    ["no-sudo-or-piped-shell", "USER 1000", "RUN sudo id\nUSER 1000"],
    ["production-environment", "ENV NODE_ENV=production", "ENV NODE_ENV=development"],
  ])("%s", (id, from, to) => {
    const { checks } = scoreDockerfile(perfect.replaceAll(from, to));
    const failed = checks.filter((check) => !check.ok).map((check) => check.id);
    expect(failed).toContain(id);
    // A base that is not pinned by name is not pinned by digest either.
    expect(failed.filter((other) => other !== id && other !== "digest-pin")).toEqual([]);
  });
});

test("one stage costs the check of stages", () => {
  const { checks } = scoreDockerfile("FROM alpine:3\nUSER 1\n");
  expect(checks.find((check) => check.id === "multi-stage")?.ok).toBe(false);
});

test("a check that does not apply counts neither way", () => {
  const ids = scoreDockerfile("FROM scratch\nUSER 1\nHEALTHCHECK NONE\n").checks.map((check) => check.id);
  for (const id of [
    "apt-hygiene",
    "cache-mounts",
    "frozen-install",
    "manifests-first",
    "exec-form",
    "healthcheck",
    "expose",
    "digest-pin",
  ])
    expect(ids).not.toContain(id);
});

test("what a parent stage sets holds in the final one", () => {
  const { checks } = scoreDockerfile(
    'FROM node:24-slim AS base\nENV NODE_ENV=production\nUSER 1000\nEXPOSE 80\nFROM base\nCMD ["a"]\n',
  );
  for (const id of ["non-root-user", "expose", "production-environment", "minimal-base"])
    expect(checks.find((check) => check.id === id)?.ok).toBe(true);
});

test.each(["", "# only a comment\n", "RUN x", "\0\0", "\uFEFF", "FROM"])("%j has a score and no crash", (content) => {
  expect(scoreDockerfile(content).score).toBeGreaterThanOrEqual(0);
});

test.each([
  ["npx --yes pnpm@9 install --frozen-lockfile", true],
  ["pnpm install", false],
  ["yarn", false],
  ["yarn install --immutable", true],
  ["node .yarn/releases/yarn-4.1.0.cjs install --immutable", true],
  ["bun install --frozen-lockfile", true],
  ["npm install", false],
  ["CI=true npm clean-install", true],
])("%s is frozen: %s", (command, frozen) => {
  const check = scoreDockerfile(`FROM node:24\nRUN ${command}\n`).checks.find(({ id }) => id === "frozen-install");
  expect(check?.ok).toBe(frozen);
});

test("a global tool is no install of the project", () => {
  expect(
    scoreDockerfile("FROM node:24\nRUN npm install -g pnpm\n").checks.some(({ id }) => id === "frozen-install"),
  ).toBe(false);
});
