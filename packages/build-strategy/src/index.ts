export { analyzeRepository } from "./analyze-repository.ts";
