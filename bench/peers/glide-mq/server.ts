/** The HTTP proxy that glide-mq brings. */
import { connectionOf, loadProxy } from './installed.ts'

const { REDIS_URL: url = '', KEY_PREFIX: prefix = '' } = process.env

const { app } = loadProxy().createProxyServer({ connection: connectionOf(url), prefix })
const server = app.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'ready', port: server.address().port }))
})
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
