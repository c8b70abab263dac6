import { dependsOn, shipsWith } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";

interface FrameworkRule {
  readonly name: string;
  readonly packages: readonly string[];
  /** Builders may be devDependencies; what answers requests must be there at run time. */
  readonly proof: "any" | "shipped";
}

const builds = (name: string, ...packages: readonly string[]): FrameworkRule => ({ name, packages, proof: "any" });
const serves = (name: string, ...packages: readonly string[]): FrameworkRule => ({ name, packages, proof: "shipped" });

/**
 * The frameworks, the more telling first: a framework that brings its own server or bundler stands before the parts it is
 * made of. Only the exact package is proof; a plugin for it (eslint-config-next, vite-plugin-x) is none.
 */
const rules: readonly FrameworkRule[] = [
  builds("next", "next"),
  builds("nuxt", "nuxt", "nuxt3", "nuxt-edge"),
  builds("tanstack-start", "@tanstack/react-start", "@tanstack/solid-start", "@tanstack/start"),
  builds("react-router", "@react-router/dev"),
  builds("remix", "@remix-run/dev", "@remix-run/serve", "@remix-run/node", "@remix-run/express"),
  builds("sveltekit", "@sveltejs/kit"),
  builds("astro", "astro"),
  builds("gatsby", "gatsby"),
  builds("redwood", "@redwoodjs/core"),
  builds("solid-start", "@solidjs/start", "solid-start"),
  builds("qwik", "@builder.io/qwik-city"),
  builds("docusaurus", "@docusaurus/core"),
  builds("vitepress", "vitepress"),
  builds("eleventy", "@11ty/eleventy"),
  builds("angular", "@angular/core"),
  builds("expo", "expo"),
  serves("nest", "@nestjs/core"),
  serves("adonis", "@adonisjs/core"),
  serves("strapi", "@strapi/strapi"),
  serves("feathers", "@feathersjs/feathers"),
  serves("sails", "sails"),
  serves("fastify", "fastify"),
  serves("express", "express"),
  serves("koa", "koa"),
  serves("hapi", "@hapi/hapi"),
  serves("hono", "hono"),
  serves("elysia", "elysia"),
  serves("restify", "restify"),
  serves("polka", "polka"),
  builds("nitro", "nitropack", "nitro"),
  builds("create-react-app", "react-scripts"),
  builds("vue", "@vue/cli-service"),
  builds("vite", "vite"),
  builds("vue", "vue"),
];

/** The framework that the manifest proves, or null. */
export function findFramework(manifest: Manifest): string | null {
  const has = (rule: FrameworkRule) => (name: string) =>
    rule.proof === "any" ? dependsOn(manifest, name) : shipsWith(manifest, name);
  return rules.find((rule) => rule.packages.some(has(rule)))?.name ?? null;
}

/** Frameworks of which the dependency alone says that the program answers requests. */
export const serverFrameworks: ReadonlySet<string> = new Set(
  rules.filter((rule) => rule.proof === "shipped").map((rule) => rule.name),
);
