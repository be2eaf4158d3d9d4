// Takes whatever is pushed and prints the port on which it does.
import { once } from 'node:events'
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const address = server.address()
if (address !== null && typeof address === 'object') console.log(address.port)
