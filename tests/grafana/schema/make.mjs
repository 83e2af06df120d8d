// Prints the schema, a definition a line, without the descriptions.
import { readFileSync } from 'node:fs';
import { createGenerator } from 'ts-json-schema-generator';

const used = JSON.parse(readFileSync('package.json', 'utf8')).dependencies;
const { definitions } = createGenerator({ path: 'types.ts', tsconfig: 'tsconfig.json' }).createSchema('*');

const bare = (definition) =>
  JSON.stringify(definition, (key, value) => (key === 'deprecated' || (key === 'description' && typeof value === 'string') ? undefined : value));
const lines = Object.keys(definitions).sort().map((name) => `  ${JSON.stringify(name)}: ${bare(definitions[name])}`);
const from = Object.entries(used).map(([name, version]) => `${name} ${version}`).join(' by ');

console.log(`{
"$schema": "http://json-schema.org/draft-07/schema#",
"$comment": "Made from ${from}: see make.mjs. The types are Grafana Labs', Apache-2.0.",
"definitions": {
${lines.join(',\n')}
}
}`);
