// node registry.mjs <folder>: an npm registry, on a free port of this machine, that has the tarballs of the folder. Prints its address.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const [folder] = process.argv.slice(2);
const documents = new Map();
const server = createServer((request, response) => {
  const name = decodeURIComponent(request.url.slice(1));
  if (name.endsWith('.tgz')) response.end(readFileSync(path.join(folder, path.basename(name))));
  else if (documents.has(name)) response.end(JSON.stringify(documents.get(name)));
  else response.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}/`;
  for (const file of readdirSync(folder).filter((file) => file.endsWith('.tgz'))) {
    const tarball = path.join(folder, file);
    const manifest = JSON.parse(execFileSync('tar', ['-xOzf', tarball, 'package/package.json']));
    const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    documents.set(manifest.name, {
      name: manifest.name,
      'dist-tags': { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist: { tarball: address + file, integrity } } },
    });
  }
  console.log(address);
});
