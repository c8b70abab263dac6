import { createApp } from "./app.js";

const port = Number(process.env.PORT ?? 3000);
const server = createApp().listen(port, (error) => {
  if (error) throw error;
  console.log(JSON.stringify({ event: "listening", port: server.address().port }));
});

/** What is under way is finished; a connection that only waits is closed, and nothing holds the process longer than 10 s. */
function stop(signal) {
  console.log(JSON.stringify({ event: "stopping", signal }));
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(1), 10_000).unref();
}

process.once("SIGTERM", stop);
process.once("SIGINT", stop);
