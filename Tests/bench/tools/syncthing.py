"""Syncthing, one instance at each receiver and one at the origin, that find each other by address alone."""
import http.client
import json
import os
import re
import subprocess
import xml.etree.ElementTree as xml

from common import Broken, write
from tools.base import Tool

OPTIONS = {"globalAnnounceEnabled": "false", "localAnnounceEnabled": "false", "relaysEnabled": "false",
           "natEnabled": "false", "urAccepted": "-1", "crashReportingEnabled": "false", "startBrowser": "false",
           "autoUpgradeIntervalH": "0", "reconnectionIntervalS": "1", "stunKeepaliveStartS": "0",
           "setLowPriority": "false"}
FOLDER = {"id": "bench", "rescanIntervalS": "3600", "fsWatcherEnabled": "true", "fsWatcherDelayS": "1",
          "ignorePerms": "false", "type": "sendreceive"}
SETTINGS = {"STNODEFAULTFOLDER": "1", "STNOUPGRADE": "1", "STNORESTART": "1", "STMONITORED": "1"}


class Instance:
    """One Syncthing: where it keeps itself, and how it is asked."""

    KEY = "bench"

    def __init__(self, tool, end, folder, state):
        self.tool, self.end, self.folder, self.state = tool, end, folder, state
        self.process = None
        if not os.path.exists(os.path.join(state, "config.xml")):
            os.makedirs(state, exist_ok=True)
            done = subprocess.run(["syncthing", "generate", "--home", state, "--no-default-folder"],
                                  capture_output=True, text=True, env=dict(tool.bench.environment, **SETTINGS))
            if done.returncode:
                raise Broken(f"syncthing generate: {(done.stderr or done.stdout).strip()[-200:]}")
        self.id = self.read_id()

    def read_id(self):
        own = xml.parse(os.path.join(self.state, "config.xml")).getroot().findall("device")
        return own[0].get("id")

    def configure(self):
        """A configuration from scratch around the generated keys, with this run's ports."""
        self.port, self.gui = self.tool.link.port(self.end), self.tool.link.port(self.end)
        version = xml.parse(os.path.join(self.state, "config.xml")).getroot().get("version")
        self.address = f"tcp://{self.end.address}:{self.port}"
        self.root = xml.Element("configuration", version=version)
        gui = xml.SubElement(self.root, "gui", enabled="true", tls="false")
        xml.SubElement(gui, "address").text = f"127.0.0.1:{self.gui}"
        xml.SubElement(gui, "apikey").text = self.KEY
        options = xml.SubElement(self.root, "options")
        xml.SubElement(options, "listenAddress").text = self.address
        for name, value in OPTIONS.items():
            xml.SubElement(options, name).text = value

    def connect(self, instances):
        """Knows those, shares the one folder with them, and writes its configuration down."""
        folder = xml.SubElement(self.root, "folder", path=self.folder, **FOLDER)
        xml.SubElement(folder, "minDiskFree", unit="%").text = "0"
        for instance in [self, *instances]:
            xml.SubElement(folder, "device", id=instance.id)
            device = xml.SubElement(self.root, "device", id=instance.id, name=instance.id[:7], compression="metadata")
            xml.SubElement(device, "address").text = instance.address
        write(os.path.join(self.state, "config.xml"), xml.tostring(self.root))
        os.makedirs(os.path.join(self.folder, ".stfolder"), exist_ok=True)

    def start(self):
        self.process = self.tool.spawn(self.end, ["syncthing", "serve", "--home", self.state, "--no-browser"],
                                       "syncthing", environment=SETTINGS)

    def ask(self, path):
        """The answer of its REST interface, or None while there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gui)
        try:
            connection.sock = self.tool.link.connect(self.end, ("127.0.0.1", self.gui), timeout=20)
            connection.request("GET", path, headers={"X-API-Key": self.KEY})
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def is_idle(self, files):
        """It has looked at its folder, and has as many files as all together."""
        status = self.ask("/rest/db/status?folder=bench") or {}
        return status.get("state") == "idle" and status.get("needTotalItems", 1) == 0 and (
            status.get("localFiles", 0) + status.get("localSymlinks", 0) >= files)


class Syncthing(Tool):
    name, title = "syncthing", "Syncthing"
    programs = ("syncthing",)
    two_way = fans_out = looks_first = True

    def version(self):
        said = subprocess.run(["syncthing", "--version"], capture_output=True, text=True,
                              env=self.bench.environment).stdout
        return (re.findall(r"v(\d+[\d.]+)", said) or ["?"])[0]

    def configure(self, pair):
        self.origin = Instance(self, self.link.a, pair.origin, os.path.join(pair.state, "origin"))
        self.receivers = [Instance(self, self.link.b, copy, os.path.join(pair.state, f"copy{number}"))
                          for number, copy in enumerate(pair.copies)]
        for instance in [self.origin, *self.receivers]:
            instance.configure()
        self.origin.connect(self.receivers)
        for receiver in self.receivers:
            receiver.connect([self.origin])

    def prepare(self, pair):
        self.configure(pair)
        self.origin.start()
        files = sum(len(names) for _, _, names in os.walk(pair.origin))
        self.bench.until(lambda: self.origin.is_idle(files), "Syncthing's first look at the origin", self, pause=0.1)

    def copy(self, pair, sizes):
        for receiver in self.receivers:
            receiver.start()
        return self.bench.until(self.bench.expected(pair, sizes), "the files", self)

    def launch(self, pair):
        self.configure(pair)
        for instance in [self.origin, *self.receivers]:
            instance.start()

    def settle(self, pair, sizes):
        files = sum(len(names) for _, _, names in os.walk(pair.origin))
        for instance in [self.origin, *self.receivers]:
            self.bench.until(lambda instance=instance: instance.is_idle(files), "Syncthing's files", self, pause=0.1)
        for receiver in self.receivers:
            self.bench.until(lambda receiver=receiver: self.connected(receiver), "Syncthing's connection", self,
                             pause=0.1)

    def connected(self, receiver):
        known = (self.origin.ask("/rest/system/connections") or {}).get("connections", {})
        done = self.origin.ask(f"/rest/db/completion?folder=bench&device={receiver.id}") or {}
        return known.get(receiver.id, {}).get("connected") and done.get("completion") == 100
