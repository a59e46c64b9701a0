import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Whether {@link makeCertificates} works here. */
export const canMakeCertificates = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0

/** PEM files: a private certificate authority, and a server certificate for 127.0.0.1 and localhost that it signed. */
export interface Certificates {
  ca: string
  certificate: string
  key: string
}

/** Creates them in a directory, valid for a day. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const file = (name: string) => join(dir, name)
  const names = file('names.cnf')
  await writeFile(names, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const [caKey, ca, key, request, certificate] = ['ca.key', 'ca.pem', 'server.key', 'server.csr', 'server.pem'].map(
    file,
  )
  if (!caKey || !ca || !key || !request || !certificate) throw new Error('there are five files')
  openssl('req', '-x509', ...newKey, '-days', '1', '-subj', '/CN=authority', '-keyout', caKey, '-out', ca)
  openssl('req', ...newKey, '-subj', '/CN=server', '-keyout', key, '-out', request)
  const by = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', names]
  openssl('x509', '-req', '-in', request, ...by, '-days', '1', '-out', certificate)
  return { ca, certificate, key }
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
}
