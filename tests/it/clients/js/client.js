// A client of the Vault API, as published, does a page of work. Arguments: the server's URL and, unless it speaks plain
// HTTP, its CA's file. The token is in VAULT_TOKEN. Ends with status 0 and the line "all good", or with a trace.
'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const vault = require('node-vault');

const [endpoint, ca] = process.argv.slice(2);
const requestOptions = ca ? { agentOptions: { ca: readFileSync(ca) } } : {};
const connect = (token) => vault({ endpoint, token, requestOptions });
const root = connect(process.env.VAULT_TOKEN);
const nobody = () => Object.assign(connect('none'), { token: undefined });
const base64 = (text) => Buffer.from(text).toString('base64');

// What the library makes of a refusal.
async function refused(status, asked) {
  const error = await asked.then(
    (answer) => assert.fail(`${status} was expected: ${JSON.stringify(answer)}`),
    (error) => error,
  );
  assert.equal(error.response?.statusCode, status, error.stack);
  return error.message;
}

async function system() {
  const health = await root.health();
  assert.deepEqual([health.initialized, health.sealed, health.standby], [true, false, true]);
  assert.equal((await root.status()).cluster_id, health.cluster_id);
  assert.equal((await root.initialized()).initialized, true);
  const leader = await root.leader();
  assert.ok(leader.ha_enabled && !leader.is_self && leader.leader_address, JSON.stringify(leader));
  assert.ok((await root.help('sys/mounts')).help);
}

async function mounts() {
  await root.mount({ mount_point: 'team', type: 'kv', description: 'of a team', options: { version: '2' } });
  await root.mount({ mount_point: 'before', type: 'kv' });
  await root.write('before/a', { k: 'v' });
  await root.remount({ from: 'before', to: 'behind' });
  for (let left = 100; (await root.read('behind/a').catch(() => null)) === null; left -= 1) assert.ok(left > 0);
  assert.equal((await root.read('behind/a')).data.k, 'v');
  await refused(404, root.read('before/a'));
  await root.unmount({ mount_point: 'behind' });
  const listed = (await root.mounts()).data;
  assert.deepEqual([listed['team/'].type, listed['team/'].options.version, listed['behind/']], ['kv', '2', undefined]);
  await root.write('sys/mounts/team/tune', { max_lease_ttl: '3h' });
  assert.equal((await root.read('sys/mounts/team/tune')).data.max_lease_ttl, 10800);
  await refused(400, root.mount({ mount_point: 'team', type: 'kv' }));
  await root.enableAuth({ mount_point: 'userpass', type: 'userpass' });
  await root.enableAuth({ mount_point: 'approle', type: 'approle' });
  assert.equal((await root.auths()).data['approle/'].type, 'approle');
  await root.mount({ mount_point: 'transit', type: 'transit' });
}

async function versions() {
  const at = 'team/data/app/db';
  const first = await root.write(at, { options: { cas: 0 }, data: { user: 'u', password: 'one' } });
  assert.equal(first.data.version, 1);
  await root.write(at, { options: { cas: 1 }, data: { user: 'u', password: 'two' } });
  assert.match(await refused(400, root.write(at, { options: { cas: 1 }, data: { password: 'lost' } })), /check-and-set/);
  assert.equal((await root.read(at)).data.data.password, 'two');
  assert.equal((await root.read(`${at}?version=1`)).data.data.password, 'one');
  await root.update(at, { data: { password: 'three' } });
  assert.deepEqual((await root.read(at)).data.data, { user: 'u', password: 'three' });
  await root.write('team/metadata/app/db', { max_versions: 7, custom_metadata: { owner: 'blue' } });
  const metadata = (await root.read('team/metadata/app/db')).data;
  assert.deepEqual([metadata.max_versions, metadata.custom_metadata.owner, metadata.current_version], [7, 'blue', 3]);
  await root.delete(at);
  await refused(404, root.read(at));
  await root.write('team/undelete/app/db', { versions: [3] });
  assert.equal((await root.read(at)).data.data.password, 'three');
  await root.destroySecretVersions({ mount_point: 'team', path: 'app/db', versions: [1, 2] });
  assert.equal((await root.read('team/metadata/app/db')).data.versions['1'].destroyed, true);
  assert.deepEqual((await root.list('team/metadata')).data.keys, ['app/']);
  const plain = Object.assign(connect(root.token), { noCustomHTTPVerbs: true });
  assert.deepEqual((await plain.list('team/metadata/app')).data.keys, ['db']);
  await root.delete('team/metadata/app/db');
  await refused(404, root.list('team/metadata'));
}

const readers = 'path "team/data/app/*" { capabilities = ["read"] }';

async function policies() {
  await root.addPolicy({ name: 'readers', rules: readers });
  assert.equal((await root.getPolicy({ name: 'readers' })).rules, readers);
  assert.ok((await root.policies()).policies.includes('readers'));
  await refused(400, root.addPolicy({ name: 'broken', rules: 'path "x" { capabilities = ["fly"] }' }));
  await root.addPolicy({ name: 'passing', rules: readers });
  await root.removePolicy({ name: 'passing' });
  await refused(404, root.getPolicy({ name: 'passing' }));
}

async function tokens() {
  await root.write('team/data/app/a', { data: { k: 'v' } });
  // This library goes on as the token that it made.
  const child = connect(root.token);
  const made = (await child.tokenCreate({ policies: ['readers'], ttl: '10m', meta: { for: 'a test' } })).auth;
  assert.deepEqual([child.token, made.lease_duration, made.policies], [made.client_token, 600, ['default', 'readers']]);
  assert.equal((await child.read('team/data/app/a')).data.data.k, 'v');
  assert.match(await refused(403, child.write('team/data/app/a', { data: { k: 'w' } })), /permission denied/);
  await refused(403, child.mounts());
  const seen = (await child.tokenLookupSelf()).data;
  assert.deepEqual([seen.accessor, seen.meta.for], [made.accessor, 'a test']);
  assert.equal((await root.tokenLookup({ token: made.client_token })).data.path, 'auth/token/create');
  assert.equal((await root.tokenLookupAccessor({ accessor: made.accessor })).data.id, '');
  assert.ok((await root.tokenAccessors()).data.keys.includes(made.accessor));
  assert.equal((await child.tokenRenewSelf({ increment: '20m' })).auth.lease_duration, 1200);
  const renewer = connect(root.token);
  assert.equal((await renewer.tokenRenew({ token: made.client_token, increment: '15m' })).auth.lease_duration, 900);
  await root.tokenRevokeAccessor({ accessor: made.accessor });
  await refused(403, child.tokenLookupSelf());
  await refused(403, root.tokenLookup({ token: made.client_token }));

  await root.addTokenRole({ role_name: 'short', allowed_policies: 'readers', period: 60 });
  assert.equal((await root.getTokenRole({ role_name: 'short' })).data.token_period, 60);
  const short = connect(root.token);
  assert.equal((await short.tokenCreateRole({ role_name: 'short', policies: ['readers'] })).auth.lease_duration, 60);
  await short.tokenRevokeSelf();
  await refused(403, short.tokenLookupSelf());
  await root.removeTokenRole({ role_name: 'short' });
}

// The library keeps a token alive by itself.
async function renewal() {
  const client = connect(root.token);
  await client.tokenCreate({ policies: ['default'], ttl: '2s' });
  const renewed = new Promise((done, failed) => {
    client.once('token:renewed', done);
    client.once('token:error:renew', failed);
  });
  // Its timer does not hold the process.
  const held = setTimeout(() => {}, 30000);
  await client.startTokenRenewal({ increment: '2s' });
  assert.equal((await renewed).auth.lease_duration, 2);
  client.stopAllRenewals();
  clearTimeout(held);
}

async function wrapping() {
  const wrapped = await root.read('team/data/app/a', { headers: { 'X-Vault-Wrap-TTL': '1m' } });
  assert.deepEqual([wrapped.wrap_info.ttl, wrapped.wrap_info.creation_path], [60, 'team/data/app/a']);
  const seen = await nobody().write('sys/wrapping/lookup', { token: wrapped.wrap_info.token });
  assert.equal(seen.data.creation_path, 'team/data/app/a');
  assert.equal((await root.unwrap({ token: wrapped.wrap_info.token })).data.data.k, 'v');
  await refused(400, root.unwrap({ token: wrapped.wrap_info.token }));
}

async function logins() {
  await root.write('auth/userpass/users/ann', { password: 'right', token_policies: 'readers', token_ttl: '5m' });
  const ann = nobody();
  await refused(400, ann.userpassLogin({ username: 'ann', password: 'wrong' }));
  assert.equal((await ann.userpassLogin({ username: 'ann', password: 'right' })).auth.lease_duration, 300);
  assert.equal((await ann.read('team/data/app/a')).data.data.k, 'v');

  await root.addApproleRole({ role_name: 'app', policies: 'readers', secret_id_num_uses: 1 });
  assert.deepEqual((await root.approleRoles()).data.keys, ['app']);
  assert.equal((await root.getApproleRole({ role_name: 'app' })).data.secret_id_num_uses, 1);
  const { role_id } = (await root.getApproleRoleId({ role_name: 'app' })).data;
  const { secret_id } = (await root.getApproleRoleSecret({ role_name: 'app' })).data;
  const machine = nobody();
  assert.equal((await machine.approleLogin({ role_id, secret_id })).auth.metadata.role_name, 'app');
  assert.equal((await machine.read('team/data/app/a')).data.data.k, 'v');
  await refused(400, machine.approleLogin({ role_id, secret_id }));
  await root.deleteApproleRole({ role_name: 'app' });
  await refused(404, root.approleRoles());
}

async function transit() {
  const text = base64('hello world');
  await root.transitCreateKey({ name: 'k' });
  const { ciphertext } = (await root.encryptData({ name: 'k', plaintext: text })).data;
  await root.write('transit/keys/k/rotate', {});
  assert.equal((await root.decryptData({ name: 'k', ciphertext })).data.plaintext, text);
  const again = (await root.rewrapData({ name: 'k', ciphertext })).data.ciphertext;
  assert.ok(ciphertext.startsWith('vault:v1:') && again.startsWith('vault:v2:'));
  assert.equal((await root.transitReadKey({ name: 'k' })).data.latest_version, 2);
  await refused(400, root.decryptData({ name: 'k', ciphertext: 'vault:v1:AAAA' }));
  for (const type of ['ed25519', 'ecdsa-p256', 'rsa-2048']) {
    await root.transitCreateKey({ name: type, type });
    const { signature } = (await root.write(`transit/sign/${type}`, { input: text })).data;
    const verify = async (input) => (await root.write(`transit/verify/${type}`, { input, signature })).data.valid;
    assert.deepEqual([await verify(text), await verify(base64('other'))], [true, false]);
  }
  await refused(400, root.transitDeleteKey({ name: 'k' }));
  await root.write('transit/keys/k/config', { deletion_allowed: true });
  await root.transitDeleteKey({ name: 'k' });
  assert.ok(!(await root.transitListKeys()).data.keys.includes('k'));
}

async function main() {
  for (const part of [system, mounts, versions, policies, tokens, renewal, wrapping, logins, transit]) await part();
  console.log('all good');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
