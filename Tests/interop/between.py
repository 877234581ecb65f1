"""Programs that stand between a peer and a hub: how each is told to, started, told again and ended."""
import asyncio, os, signal, socket
from pathlib import Path

from scene import Failed, eventually, expect


def free_port():
    """A port that nobody has; a program whose port somebody took meanwhile is given another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def is_open(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


class Between:
    """A program with a configuration file and a port."""

    @classmethod
    async def open(cls, scene, *arguments):
        for attempt in range(3):
            between = cls()
            between.scene, between.port, between.home = scene, free_port(), scene.folder / cls.name
            between.home.mkdir(exist_ok=True)
            between.file = between.home / "configuration"
            between.file.write_text(between.configuration(*arguments))
            try:
                await between.start()
                return between
            except Failed:
                if attempt == 2 or not any("in use" in line.lower() for line in between.child.lines):
                    raise

    async def start(self):
        self.child = await self.scene.start(self.name, *self.command)

        async def ready():
            expect(not self.child.has_ended, f"{self.name} ended with {self.child.process.returncode}")
            return await is_open(self.port)

        await eventually(f"{self.name} listens", ready)

    async def stop(self):
        await self.child.end()

    def reload(self):
        """It reads its configuration again, and goes on."""
        self.child.signal(self.reload_signal)


class Nginx(Between):
    name, version_flag, reload_signal = "nginx", "-v", signal.SIGHUP
    # Debian has it as a package of its own.
    stream_module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

    @property
    def command(self):
        return "nginx", "-e", "stderr", "-p", self.home, "-c", self.file

    def configuration(self, shape, hub, certificate):
        inner = self.stream(hub) if shape == "passthrough" else self.http(shape, hub, certificate)
        module = self.stream_module if shape == "passthrough" and self.stream_module.exists() else None
        return f"""
            {f"load_module {module};" if module else ""}
            {"user root;" if os.geteuid() == 0 else ""}
            daemon off;
            worker_processes 1;
            # After it was told to read this again, connections of before end soon.
            worker_shutdown_timeout 1s;
            pid {self.home}/pid;
            error_log stderr notice;
            events {{ }}
            {inner}
            """

    def stream(self, hub):
        return f"stream {{ server {{ listen 127.0.0.1:{self.port}; proxy_pass 127.0.0.1:{hub}; }} }}"

    def http(self, shape, hub, certificate):
        temporary = "".join(
            f"{kind}_temp_path {self.home}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # With a slash after the port, the prefix is taken off.
        path, target = ("/mirror/", "/") if shape == "prefix" else ("/", "")
        tls = f"ssl_certificate {certificate}.pem; ssl_certificate_key {certificate}.key;" if shape == "tls" else ""
        return f"""
            http {{
                access_log off; {temporary}
                server {{
                    listen 127.0.0.1:{self.port} {"ssl http2" if tls else ""};
                    {tls}
                    location {path} {{
                        proxy_pass http://127.0.0.1:{hub}{target};
                        proxy_http_version 1.1;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection "upgrade";
                    }}
                }}
            }}
            """


class HAProxy(Between):
    name, version_flag, reload_signal = "haproxy", "-v", signal.SIGUSR2

    @property
    def command(self):
        return "haproxy", "-W", "-f", self.file

    def configuration(self, shape, hub, certificate):
        tls = f"ssl crt {certificate}.both alpn h2,http/1.1" if shape == "tls" else ""
        rule = "http-request deny deny_status 404 unless { path_beg /mirror/ }" if shape == "prefix" else ""
        lines = f"""
            global
            # After it was told to read this again, connections of before end soon.
            hard-stop-after 1s
            defaults
            mode {"tcp" if shape == "passthrough" else "http"}
            timeout connect 10s
            timeout client 60s
            timeout server 60s
            listen mirror
            bind 127.0.0.1:{self.port} {tls}
            {rule}
            server hub 127.0.0.1:{hub}
            """
        return "\n".join(line.strip() for line in lines.splitlines()) + "\n"


class Tinyproxy(Between):
    """Lets CONNECT through; to some port alone, or for somebody's name and password alone, if that is said."""

    name, command = "tinyproxy", property(lambda self: ("tinyproxy", "-d", "-c", self.file))

    def configuration(self, *more):
        return "\n".join([f"Port {self.port}", "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 600", "MaxClients 50",
                          "LogLevel Connect", *more, ""])


async def make_certificate(scene):
    """Where the certificate of a proxy is, which an authority of its own vouches for; .pem, .key, and .both in one."""
    home = scene.folder / "certificate"
    home.mkdir()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    await scene.run("openssl", "req", "-x509", *key, "-subj", "/CN=authority of a test", "-days", "2",
                    "-keyout", home / "authority.key", "-out", home / "authority.pem")
    await scene.run("openssl", "req", *key, "-subj", "/CN=localhost", "-keyout", home / "proxy.key",
                    "-out", home / "proxy.request")
    (home / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    await scene.run("openssl", "x509", "-req", "-in", home / "proxy.request", "-days", "2", "-CAcreateserial",
                    "-CA", home / "authority.pem", "-CAkey", home / "authority.key", "-extfile", home / "names",
                    "-out", home / "proxy.pem")
    (home / "proxy.both").write_text((home / "proxy.pem").read_text() + (home / "proxy.key").read_text())
    return home / "proxy"
