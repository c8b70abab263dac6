import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createLogger, createRedactor, MASK, Secret } from "./index.ts";

test("a secret cannot be printed by any ordinary means", () => {
  const secret = new Secret("hunter22");
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true }),
    Object.keys(secret).join(),
  ];
  for (const text of printed) expect(text).not.toContain("hunter22");
  expect(secret.reveal()).toBe("hunter22");
});

test("of two learned secrets that begin alike the longer one leaves nothing", () => {
  const redactor = createRedactor();
  for (const secret of ["hunter22", "hunter22-and-more", "hunter22-and"]) redactor.learn(secret);
  expect(redactor.text("hunter22-and-more hunter22")).toBe(`${MASK} ${MASK}`);
});

test("a learned secret is masked in running text, URL-encoded, escaped and in base64", () => {
  const redactor = createRedactor();
  const secret = 'pa:"ss wörd?';
  redactor.learn(new Secret(secret));
  const inBase64 = (["base64", "base64url"] as const).map((encoding) => Buffer.from(secret).toString(encoding));
  const encodings = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...inBase64];
  for (const encoding of encodings) expect(redactor.text(`before ${encoding} after`)).toBe(`before ${MASK} after`);
});

test.each([
  ["https://user:pass@example.com/x", `https://${MASK}@example.com/x`],
  ["Authorization: Basic dXNlcjpwYXNz", `Authorization: ${MASK}`],
  ["sent bearer abcdefghijklmnopqrstuvwxyz", `sent bearer ${MASK}`],
  ["RUN NPM_TOKEN=npm_abc123 npm ci", `RUN NPM_TOKEN=${MASK} npm ci`],
  ['{"password": "pw1", "user": "u"}', `{"password": "${MASK}", "user": "u"}`],
  ["login --password pw1 --user u", `login --password ${MASK} --user u`],
  ['DB_PASSWORD="two words" next', `DB_PASSWORD=${MASK} next`],
])("an unannounced credential is masked: %s", (input, expected) => {
  expect(createRedactor().text(input)).toBe(expected);
});

test.each(["node:20-slim", "exit code: 1", "https://example.com/a@b", "sha256:" + "f".repeat(64), "tokens left: 5"])(
  "ordinary text stays as it is: %s",
  (text) => {
    expect(createRedactor().text(text)).toBe(text);
  },
);

test("values under secret names are masked at any depth, others stay", () => {
  const redacted = createRedactor().value({
    user: "u",
    list: [{ password: "p", "registry.token": "t" }],
    port: 5000,
    none: null,
  });
  expect(redacted).toEqual({ user: "u", list: [{ password: MASK, "registry.token": MASK }], port: 5000, none: null });
});

test("keys are recognised as a secret's however they are written", () => {
  const keys = ["PGPASSWORD", "dbPassword", "NPM_TOKEN", "authToken", "apiKey", "registry.auth", "TOKEN_FOR_CI"];
  for (const key of keys) expect(createRedactor().value({ [key]: "v" })).toEqual({ [key]: MASK });
  for (const key of ["author", "tokens", "credentialSource", "secretary", "keyboard", "SECRET_FILE", "API_TOKEN_URL"])
    expect(createRedactor().value({ [key]: "v" })).toEqual({ [key]: "v" });
});

test("a hostile text of one megabyte is redacted without freezing", () => {
  const redactor = createRedactor();
  for (const unit of ["a", "A_", "password=", "basic ", "a://", "'", "x-registry-auth:"]) {
    const started = process.cpuUsage().user;
    redactor.text(unit.repeat(Math.ceil(1_000_000 / unit.length)));
    expect(process.cpuUsage().user - started).toBeLessThan(20_000_000);
  }
});

test("a redactor for announced secrets alone leaves everything else as it is", () => {
  const redactor = createRedactor({ announcedOnly: true });
  redactor.learn("hunter22");
  const text = "RUN NPM_TOKEN=npm_abc123 npm ci https://user:pass@example.com/x";
  expect(redactor.text(`${text} hunter22`)).toBe(`${text} ${MASK}`);
  expect(redactor.value({ password: "p", step: ["hunter22"] })).toEqual({ password: "p", step: [MASK] });
});

test("a log line carries fields, error causes and no secret", () => {
  const lines: string[] = [];
  const redactor = createRedactor();
  redactor.learn("s3cr3t-value");
  const logger = createLogger({ level: "info", redactor, write: (line) => lines.push(line) }).child({
    sessionId: "s1",
  });
  logger.info("pushed with s3cr3t-value", { error: new Error("outer", { cause: new Error("s3cr3t-value inside") }) });
  logger.debug("not at this level");
  expect(lines).toHaveLength(1);
  const line: unknown = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({
    level: "info",
    sessionId: "s1",
    msg: `pushed with ${MASK}`,
    error: { message: "outer", cause: { message: `${MASK} inside` } },
  });
});

test("a log line's own words are masked before they are quoted", () => {
  const lines: string[] = [];
  const redactor = createRedactor();
  redactor.learn('two\n"lines"');
  createLogger({ level: "info", redactor, write: (line) => lines.push(line) }).info('saw two\n"lines" here');
  expect(JSON.parse(lines.join(""))).toMatchObject({ msg: `saw ${MASK} here` });
});

test("a silent logger writes nothing", () => {
  const lines: string[] = [];
  createLogger({ level: "silent", redactor: createRedactor(), write: (line) => lines.push(line) }).error("x");
  expect(lines).toEqual([]);
});
