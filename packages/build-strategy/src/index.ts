export { analyzeRepository } from "./analyze-repository.ts";
export { scoreDockerfile } from "./quality/score.ts";
export { validateDockerfile } from "./quality/validate.ts";
export { surveyRepository } from "./analysis/survey.ts";
export { planProgram, planSite } from "./dockerfile/plan.ts";
export { renderProgram } from "./dockerfile/program-template.ts";
export { renderSite } from "./dockerfile/site-template.ts";
