import { configSchema, type RunConfig } from './config-schema.js'
import { readYaml } from './yaml-file.js'

/** A configuration, and where in its file things stand. */
export interface ReadConfig {
  readonly config: RunConfig
  /** `config.yaml:12` for messages about what stands at a path. */
  readonly where: (...path: PropertyKey[]) => string
}

/**
 * Reads a run's configuration.
 * @param text YAML (or JSON, which is YAML too)
 * @param file names it in errors
 * @throws ModelError in one line, with the line number, for the first thing that is wrong
 */
export function readConfig(text: string, file: string): ReadConfig {
  const { value, where } = readYaml(text, file, configSchema)
  return { config: value, where }
}
