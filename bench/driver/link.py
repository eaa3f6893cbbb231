"""The way between two clusters, through somebody else's hands: it can be cut in one direction or in both."""

import asyncio
import threading


class Link:
    """Proxies before the cluster ports of some nodes. What is cut is held back, as a network would that drops packets."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.gates = {}
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def before(self, name, port):
        """A port to dial instead of that one. `name` says whose requests go this way."""
        return asyncio.run_coroutine_threadsafe(self.listen(name, port), self.loop).result()

    async def listen(self, name, port):
        gates = self.gates.setdefault(name, [asyncio.Event(), asyncio.Event()])
        for gate in gates:
            gate.set()

        async def accepted(reader, writer):
            try:
                await gates[0].wait()
                there, back = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(pump(reader, back, gates[0]), pump(there, writer, gates[1]))

        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    def cut(self, name, there=True, back=True):
        """Requests that go that way, their answers, or both."""
        self.set(name, there, back, asyncio.Event.clear)

    def heal(self, name):
        self.set(name, True, True, asyncio.Event.set)

    def set(self, name, there, back, change):
        for gate, wanted in zip(self.gates[name], (there, back)):
            if wanted:
                self.loop.call_soon_threadsafe(change, gate)


async def pump(reader, writer, gate):
    try:
        while piece := await reader.read(65536):
            await gate.wait()
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
