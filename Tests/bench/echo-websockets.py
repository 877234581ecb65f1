"""An echo on Python's websockets. Its one argument is what to ask of permessage-deflate, in JSON: null for nothing,
{} for the library's defaults."""
import asyncio, json, sys

from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main(deflate):
    options = {"compression": "deflate" if deflate == {} else None}
    if deflate:
        options["extensions"] = [ServerPerMessageDeflateFactory(**deflate)]
    async with serve(echo, "127.0.0.1", 0, max_size=16 << 20, ping_interval=None, **options) as server:
        print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


asyncio.run(main(json.loads(sys.argv[1])))
