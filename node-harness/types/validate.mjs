// Checks an AsyncAPI document on standard input with AsyncAPI's own parser:
//
//     node types/validate.mjs < document.json
//
// Prints the errors, one a line, and ends with status 1 if there are any.

import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const ERROR = 0;

const diagnostics = await new Parser().validate(readFileSync(0, 'utf8'));
const errors = diagnostics.filter(({ severity }) => severity === ERROR);
for (const { path, message } of errors) {
  console.log(`${path.join('/')}: ${message}`);
}
process.exit(errors.length > 0 ? 1 : 0);
