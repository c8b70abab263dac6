import { describe, expect, test } from "vitest";
import { findListening, readBindings, readsPortVariable } from "./code-ports.ts";
import { blankComments } from "./code-text.ts";
import { findHealthRoutes, healthRouteOfFile } from "./health-route.ts";

const ports = (code: string, known = new Map()): (number | null)[] =>
  findListening(blankComments(code), known).map(({ port }) => port);

describe("the port that is listened on", () => {
  test.each([
    ["app.listen(3000)", 3000],
    ["app.listen('4000')", 4000],
    ["app.listen(process.env.PORT || 3001)", 3001],
    ["app.listen(process.env.PORT ?? 8080, '0.0.0.0', () => console.log('on 9999'))", 8080],
    ["app.listen(+process.env.PORT || 3002)", 3002],
    ["app.listen(Number(process.env.PORT ?? 3003))", 3003],
    ["app.listen(parseInt(process.env.PORT || '3004', 10))", 3004],
    ["app.listen(process.env.PORT ? Number(process.env.PORT) : 3005)", 3005],
    ["const PORT = process.env.PORT || 3006;\napp.listen(PORT)", 3006],
    ["const port: number = Number(process.env.PORT) || 3007\nserver.listen(port, host)", 3007],
    ["const p = process.env.PORT || 3008; app.listen(p)", 3008],
    ["const { PORT = 3009 } = process.env;\napp.listen(PORT)", 3009],
    ["const { PORT: port = '3010', HOST } = process.env; app.listen(port)", 3010],
    ["const PORT =\n  process.env.PORT ||\n  3011;\napp.listen(PORT)", 3011],
    ["var port = normalizePort(process.env.PORT || '3012');\napp.set('port', port);\nserver.listen(port);", 3012],
    ["app.set('port', process.env.PORT || 3013); http.createServer(app).listen(app.get('port'))", 3013],
    ["const config = { port: process.env.PORT || 3014, db: { port: 5432 } }; app.listen(config.port)", 3014],
    ["fastify.listen({ port: 3015, host: '0.0.0.0' })", 3015],
    ["const port = 3016; await fastify.listen({ port })", 3016],
    ["Bun.serve({ port: process.env.PORT ?? 3017, fetch() {} })", 3017],
    ["serve({ fetch: app.fetch, port: 3018 }, (info) => {})", 3018],
    ["const server = Hapi.server({ port: 3019, host: 'localhost' })", 3019],
    ["new WebSocketServer({ port: 3020 })", 3020],
    ["await app.listen(configService.get<number>('PORT', 3021))", 3021],
    ["const env = z.object({ PORT: z.coerce.number().default(3022) }).parse(process.env); app.listen(env.PORT)", 3022],
    ["app.listen(process.env.PORT || config.port || 3023)", 3023],
    ["http.createServer(app).listen(80)", 80],
  ])("%s", (code, expected) => {
    expect(ports(code)).toEqual([expected]);
  });

  test.each([
    "// app.listen(3000)",
    "/* app.listen(3000) */",
    "const PORT = 3000; console.log(PORT)",
    "emitter.listen('event')",
    "app.listen(socketPath)",
    "fetch('http://localhost:3000')",
    "app.listen(99999)",
  ])("is none in %s", (code) => {
    expect(ports(code)).toEqual([]);
  });

  test("is unknown where PORT has no default", () => {
    expect(ports("app.listen(process.env.PORT)")).toEqual([null]);
  });

  test("comes from another file's configuration", () => {
    const known = readBindings("module.exports = { port: process.env.PORT || 4100 }");
    expect(ports("app.listen(config.port)", known)).toEqual([4100]);
  });

  test("has its line and its host", () => {
    const [found] = findListening("\n\napp.listen(3000, '127.0.0.1')", new Map());
    expect(found).toMatchObject({ line: 3, host: "127.0.0.1" });
  });
});

test("PORT is seen in each way of reading it", () => {
  for (const code of ["process.env.PORT", 'process.env["PORT"]', "const { A, PORT } = process.env", "Bun.env.PORT"])
    expect(readsPortVariable(code)).toBe(true);
  for (const code of ["process.env.SUPPORT", "PORT", "report.env"]) expect(readsPortVariable(code)).toBe(false);
});

test.each([
  ["app.get('/health', f)", false, ["/health"]],
  ['app.use("/healthz", r)', false, ["/healthz"]],
  ["router.get('/health', f)", true, []],
  ["axios.get('/health')", true, []],
  ["fastify.get('/health', f)", false, []],
  ["fastify.get('/health', f)", true, ["/health"]],
  ["if (req.url === '/ready') {", true, ["/ready"]],
  ["app.get('/users', f)", true, []],
])("%s in a file that listens: %s", (code, listens, expected) => {
  expect(findHealthRoutes(code, listens)).toEqual(expected);
});

test("a framework's health route is known by its file", () => {
  expect(healthRouteOfFile("src/app/api/health/route.ts")).toBe("/api/health");
  expect(healthRouteOfFile("pages/api/healthz.js")).toBe("/api/healthz");
  expect(healthRouteOfFile("src/routes/health/+server.ts")).toBe("/health");
  expect(healthRouteOfFile("app/users/route.ts")).toBe(null);
});

test("a file made to make patterns backtrack is read in time", () => {
  const started = performance.now();
  for (const piece of [
    "const port = ",
    "{".repeat(300),
    "process.env.PORT || ",
    ".listen(",
    "A_".repeat(20),
    "port : ",
  ]) {
    findListening(blankComments(piece.repeat(Math.floor(300_000 / piece.length))), new Map());
  }
  expect(performance.now() - started).toBeLessThan(20_000);
});
