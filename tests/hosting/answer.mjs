// Answers of the CloudFront function to requests: a JSON list on standard input, one of answers on standard output.
//
// The function runs in a context of its own with what the language has and nothing of Node, as at the edge.
import { readFileSync } from 'node:fs';
import vm from 'node:vm';

const [file] = process.argv.slice(2);
const handler = vm.runInContext(`${readFileSync(file, 'utf8')}\nhandler`, vm.createContext(Object.create(null)));
const requests = JSON.parse(readFileSync(0, 'utf8'));
const answers = requests.map(({ method, uri }) =>
    handler({ version: '1.0', context: { eventType: 'viewer-request' }, viewer: { ip: '192.0.2.1' },
              request: { method, uri, querystring: {}, headers: {}, cookies: {} } }));
process.stdout.write(JSON.stringify(answers));
