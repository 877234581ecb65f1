"""Every tool that is measured, in the order of the table's columns."""
from tools.floors import Cp, Tar
from tools.lsyncd import Lsyncd
from tools.nosocks import Nosocks, NosocksISAL
from tools.rsync import Rsync, RsyncZ
from tools.syncthing import Syncthing
from tools.unison import Unison

TOOLS = {tool.name: tool for tool in (Cp, Tar, Rsync, RsyncZ, Lsyncd, Unison, Syncthing, Nosocks, NosocksISAL)}
