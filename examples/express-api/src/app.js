import express from "express";
import { createNotes } from "./notes.js";

/** The application without a port, so that a test can give it one. */
export function createApp(notes = createNotes()) {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "16kb" }));

  app.get("/", (request, response) => {
    response.json({ name: "express-api", routes: ["/health", "/notes", "/notes/:id"] });
  });
  app.get("/health", (request, response) => {
    response.json({ status: "ok" });
  });

  app.get("/notes", (request, response) => {
    response.json(notes.list());
  });
  app.post("/notes", (request, response) => {
    const text = request.body?.text;
    if (typeof text !== "string" || text.trim() === "" || text.length > 1000) {
      response.status(400).json({ error: "text must be a string of 1 to 1000 characters" });
      return;
    }
    const note = notes.add(text);
    response.status(201).location(`/notes/${note.id}`).json(note);
  });
  app.get("/notes/:id", (request, response) => {
    const note = notes.get(request.params.id);
    if (note === undefined) response.status(404).json({ error: "no such note" });
    else response.json(note);
  });
  app.delete("/notes/:id", (request, response) => {
    response.status(notes.remove(request.params.id) ? 204 : 404).end();
  });

  app.use((request, response) => {
    response.status(404).json({ error: "no such route" });
  });
  app.use((error, request, response, next) => {
    if (response.headersSent) next(error);
    else response.status(error.status ?? 500).json({ error: error.expose === true ? error.message : "internal error" });
  });
  return app;
}
